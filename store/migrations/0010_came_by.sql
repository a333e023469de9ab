-- A link of a double opt-in is used once: the word that it gave has the key of its letter.
create index consent_message on consent (message_id) where said_by = 'customer';
