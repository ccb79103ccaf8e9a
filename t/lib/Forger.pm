# Somebody who can write to the ledger: changes of a PayoutTest's rows around
# its guards.
package Forger;

use strict;
use warnings;

use Exporter 'import';

use WorknetTest qw(build_path run_command);

our @EXPORT_OK = qw(forge forged_credit forged_result rechain move_credit);

# Changes the ledger around its guards, which are back afterwards. Options:
# unchecked: what the tables refuse is written, too; rechain: the transfers'
# hashes are made anew, as somebody would who knows how.
sub forge {
	my ($l, $sql, %opt) = @_;
	my @guards = $l->sql("SELECT name, sql FROM sqlite_schema " .
	    "WHERE type = 'trigger'");
	my $off = join(' ', map { "DROP TRIGGER $_->{name};" } @guards);
	my $on = join(' ', map { "$_->{sql};" } @guards);

	$off .= 'PRAGMA ignore_check_constraints = ON;' if $opt{unchecked};
	$l->sql_text($off . $sql . $on);
	$l->sql_text($off . rechain($l) . $on) if $opt{rechain};
}

sub rechain {
	my ($l) = @_;
	my ($status, $out, $err) = run_command(build_path('t/tools/make_ledger'),
	    '--db', $l->ledger_path, '--hashes');

	die "make_ledger: $err" if $status != 0;
	return 'BEGIN;' . join('', map {
		my ($id, $hash) = /^(\d+) 0x(\w+)$/ or die $_;
		"UPDATE transfer SET hash = X'$hash' WHERE id = $id " .
		    "AND hash <> X'$hash';";
	} split /\n/, $out) . 'COMMIT;';
}

# A credit of a worker's, or whatever it is called: a transfer, and the
# accounts as it should have made them.
sub forged_credit {
	my ($worker, $micros, $kind) = @_;
	my $id = "(SELECT id FROM worker WHERE address = '$worker')";

	$kind //= 'credit';
	return 'INSERT INTO transfer SELECT max(id) + 1, max(at_ms), ' .
	    "'$kind', 1, $id, $micros, zeroblob(32), 2 FROM transfer;" .
	    "UPDATE account SET balance_micros = balance_micros - $micros " .
	    'WHERE id = 1;' .
	    "UPDATE account SET balance_micros = balance_micros + $micros " .
	    "WHERE id = $id;";
}

# A result like the newest one of that worker's, under a transfer, or the
# newest one.
sub forged_result {
	my ($worker, $signature, $transfer) = @_;

	$transfer //= 'SELECT max(id) FROM transfer';
	return 'INSERT INTO result SELECT (SELECT max(slot) + 1 FROM result), ' .
	    "($transfer), r.version, r.cycle_ms, r.copy, " .
	    'r.assigned_ms, r.anchor, r.timestamp_ms + 1, r.success, r.status, ' .
	    "r.response_ms, r.error, r.address_form, $signature, " .
	    "NULL, NULL, NULL " .
	    'FROM result r JOIN transfer t ON t.id = r.transfer ' .
	    'JOIN worker w ON w.id = t.credit ' .
	    'JOIN task_version v ON v.id = r.version ' .
	    "WHERE w.address = '$worker' AND v.reward_micros = 100 " .
	    'ORDER BY r.slot DESC LIMIT 1;';
}

1;
