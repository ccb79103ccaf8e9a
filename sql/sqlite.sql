-- What only SQLite understands of the statements that the programs run: another
-- engine has a file of its own with the same names.

-- :name begin_write
BEGIN IMMEDIATE;

-- :name begin_read
BEGIN;

-- :name commit
COMMIT;

-- :name rollback
ROLLBACK;

-- A part of a transaction that can fail alone; one inside of another has the
-- same name, which then means the inner one.
-- :name step_begin
SAVEPOINT step;

-- :name step_keep
RELEASE step;

-- :name step_undo
ROLLBACK TO step;

-- Which version of the schema the file has now.
-- :name schema_version
PRAGMA user_version;

-- While many tasks are edited, else each would be searched for.
-- :name schedule_index
CREATE INDEX schedule_task ON schedule (task);

-- :name schedule_unindex
DROP INDEX schedule_task;

-- :name schema_objects
SELECT type || ' ' || name, sql FROM sqlite_schema
WHERE name NOT GLOB 'sqlite_*' ORDER BY 1;

-- A copy of the ledger in a file of its own, ?1, which is empty.
-- :name copy_into
VACUUM INTO ?1;

-- What a copy takes at most.
-- :name copy_bytes
SELECT c.page_count * s.page_size
FROM pragma_page_count() AS c CROSS JOIN pragma_page_size() AS s;
