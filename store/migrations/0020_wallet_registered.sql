-- When a device registered last for the news of a pass (real time): an address that died before that is alive again.
alter table wallet_device add column registered_at timestamptz;
