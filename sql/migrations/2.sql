-- From version 1 to 2. The texts of tables are those of sql/schema.sql at version
-- 2, word by word: the migration and `worknet audit` compare them.

-- terms: which ones counted before isn't known, so the widest that could be
-- configured do, and no assignment need be there.
CREATE TABLE terms (
	id		INTEGER PRIMARY KEY,
	first_slot	INTEGER NOT NULL CHECK (first_slot >= 1),
	first_transfer	INTEGER NOT NULL CHECK (first_transfer >= 1),
	at_ms		INTEGER NOT NULL,
	-- An assignment is paid, and a result's own time is taken, so long.
	result_window_ms	INTEGER NOT NULL
			CHECK (result_window_ms BETWEEN 1000 AND 86400000),
	-- An assignment is still in its table so long after it was given.
	keep_ms		INTEGER NOT NULL CHECK (keep_ms >= 0),
	-- A result's own time may be so far ahead of the coordinator's clock.
	clock_skew_ms	INTEGER NOT NULL
			CHECK (clock_skew_ms BETWEEN 0 AND 3600000),
	-- How a cycle's opening is placed in its interval: src/ledger/cycle.c.
	phase		INTEGER NOT NULL CHECK (phase >= 1),
	hash		BLOB NOT NULL CHECK (length(hash) = 32),
	format		INTEGER NOT NULL	-- of the hash
) STRICT;

INSERT INTO terms (id, first_slot, first_transfer, at_ms, result_window_ms,
	keep_ms, clock_skew_ms, phase, hash, format)
VALUES (1, 1, 1, 0, 86400000, 0, 60000, 1,
	x'ed390b5cb6289b38662643377c9b0171049a59bd95cfb9a886186668d15ca23a', 1);

CREATE TRIGGER terms_no_update BEFORE UPDATE ON terms
BEGIN SELECT RAISE(ABORT, 'terms is append-only'); END;
CREATE TRIGGER terms_no_delete BEFORE DELETE ON terms
BEGIN SELECT RAISE(ABORT, 'terms is append-only'); END;
CREATE TRIGGER terms_no_replace BEFORE INSERT ON terms
WHEN EXISTS (SELECT 1 FROM terms WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'terms is append-only'); END;
