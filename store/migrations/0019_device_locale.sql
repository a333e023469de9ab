-- device_locale is what the last device said of its language (context.locale), since the event of device_locale_at, as it is with
-- its time zone.
alter table profile add column device_locale text, add column device_locale_at timestamptz;

-- Whether what a device says is news: other than what is held, and not older than what said that last. Asked only of what differs.
create function said_last(
    customer uuid, name text, held text, held_at timestamptz, said text, said_at timestamptz
) returns boolean language sql stable as $$
    select said is not null and said is distinct from held
       and (held_at is null
            or held_at <= said_at
               and not exists (select from event later
                               where later.profile_id = customer and later.ts > said_at
                                 and left(later.context ->> name, 64) = held));
$$;
