-- What Meta says of the templates that it has approved, or not; asked every few minutes, and told by webhook.
create table whatsapp_template (
    name      text not null,
    language  text not null,
    status    text not null,
    category  text,
    at        timestamptz not null,  -- as of when that is so
    primary key (name, language)
);

-- Messages of customers that a journey has heard of, and that are to be shown as read: the provider's ids, gone once that is done.
create table unread_reply (
    channel     text not null,
    message_id  text not null,
    profile_id  uuid not null,
    at          timestamptz not null,
    primary key (channel, message_id)
);
