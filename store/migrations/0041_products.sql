-- Products (docs/products.md): what was learnt to go with what, how prices and stock moved, and when customers are expected to buy again.

-- What the shop says of a pair holds; beside it, what orders ('orders') or visits ('views') show: how many customers had both, how many
-- times as many as by chance, and the same at the lower end of what chance allows.
alter table product_relation
    add column by     text not null default 'shop' check (by in ('shop', 'orders', 'views')),
    add column people integer,
    add column lift   double precision,
    add column surely double precision,
    add column as_of  timestamptz,
    add check ((by = 'shop') = (people is null));

-- What is worked out again and again of products, how each stands, and what came of the last time.
create table product_round (
    name      text primary key,
    kind      text not null check (kind in ('together', 'again')),
    declared  text not null,  -- the version of what the catalogue declares
    every     interval not null,
    asked_at  timestamptz,  -- somebody wants it now
    done_at   timestamptz,
    failed_at timestamptz,
    failure   text,
    came      jsonb not null default '{}'  -- counts
);

-- Each change of a product's price or of whether it can be had, by whomever it was written. They are told to customers in the order of
-- their numbers, a part of them at a time.
create table product_change (
    id            bigint generated always as identity primary key,
    product_id    text not null,
    at            timestamptz not null,
    price         numeric,
    currency      text,
    available     boolean not null,
    was_price     numeric,
    was_currency  text,
    was_available boolean,  -- nothing of a new product
    told_to       uuid,  -- the last customer who was looked at
    dropped       integer not null default 0,  -- customers who were told
    back          integer not null default 0,
    done_at       timestamptz,
    why           text  -- nobody (else) was told
);
create index product_change_product on product_change (product_id, id);
create index product_change_open on product_change (id) where done_at is null;

create function product_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into product_change (product_id, at, price, currency, available, done_at)
        values (new.id, new.updated_at, new.price, new.currency, new.available, new.updated_at);
    else
        insert into product_change (product_id, at, price, currency, available, was_price, was_currency, was_available, done_at)
        values (new.id, new.updated_at, new.price, new.currency, new.available, old.price, old.currency, old.available,
                -- Nobody waits to hear of what costs more or cannot be had.
                case when new.available and (not old.available or coalesce(new.price < old.price and new.currency = old.currency, false))
                     then null else new.updated_at end);
    end if;
    return null;
end $$;
create trigger product_is_new after insert on product for each row execute function product_changed();
create trigger product_changes after update on product for each row
    when ((old.price, old.currency, old.available) is distinct from (new.price, new.currency, new.available))
    execute function product_changed();

-- Who looked at a product, from the product on.
create index event_looked on event ((properties ->> 'product_id'), profile_id, ts)
    where type collate "C" in ('Product Viewed', 'Product Added', 'Product Added to Wishlist');

-- What stands in a customer's cart: put in since the last order, and not taken out again; of one instant the taking out counts.
create function in_cart(customer uuid, until timestamptz)
    returns table (product_id text, name text, ts timestamptz, message_id text)
    language sql stable
    begin atomic
        select said.product_id, said.name, said.ts, said.message_id
        from (
            select distinct on (e.properties ->> 'product_id') e.properties ->> 'product_id' as product_id, e.type,
                   e.properties ->> 'name' as name, e.ts, e.message_id
            from event e
            where e.profile_id = customer and e.type collate "C" in ('Product Added', 'Product Removed') and e.ts <= until
              and jsonb_typeof(e.properties -> 'product_id') in ('string', 'number')
              and e.ts > coalesce((select max(o.ts) from event o
                                   where o.profile_id = customer and o.type collate "C" = 'Order Completed' and o.ts <= until), '-infinity')
            order by e.properties ->> 'product_id', e.ts desc, e.type collate "C" desc, e.message_id desc
        ) as said
        where said.type = 'Product Added';
    end;

-- When customers are expected to buy something again, by declaration; `product_id` is '' where it is asked of anything at all.
create table product_due (
    again      text not null,
    profile_id uuid not null,
    product_id text not null,
    last_at    timestamptz not null,  -- the purchase that this follows
    quantity   numeric not null,
    gaps       integer not null,  -- of the customer's own that it goes by
    typical    double precision,  -- days that a piece lasts most customers, where enough of them are known
    days       double precision not null,  -- how long it is expected to last
    low_at     timestamptz not null,  -- eight of ten come between these
    due_at     timestamptz not null,
    high_at    timestamptz not null,
    remind_at  timestamptz,  -- nothing once it is settled
    told_at    timestamptz,
    as_of      timestamptz not null,
    primary key (again, profile_id, product_id)
);
create index product_due_profile on product_due (profile_id);
create index product_due_remind on product_due (again, remind_at);
