# Runs worknet-log, and what verifies its log, at a time that a test says, for
# the tests of the evidence.
package LogRun;

use strict;
use warnings;
use Exporter 'import';
use IPC::Open2 'open2';
use Test::More ();

use AdminRun;

our @EXPORT = qw($Fault need_log log_conf run_at store_start);

our $Fault = ($ENV{WN_BUILDDIR} || '.') . '/t/tools/fault.so';

# Skips the test when something isn't built.
sub need_log {
	for my $name ('worknet-log', @_) {
		Test::More::plan(skip_all => "$name isn't built")
		    if !program($name);
	}
	Test::More::plan(skip_all => "fault.so isn't built") if !-e $Fault;
}

# The configuration of a log of $Dir's ledger.db, with whatever follows it.
sub log_conf {
	my ($more) = @_;

	return write_file("$Dir/log.conf", <<'END' . ($more // ''));
[ledger]
path = ledger.db
[log]
origin = worknet.example/log
directory = site
state_directory = state
key_file = log.key
END
}

# Starts the object store of t/evidence/store.mjs in $Dir/store, which ends with
# the test; its port.
my ($store_pid, $from_store, $to_store);
sub store_start {
	my ($node, $script) = @_;

	$store_pid = open2($from_store, $to_store, $node, $script,
	    "$Dir/store");
	chomp(my $port = <$from_store>);
	return $port;
}
END {
	my $code = $?;
	kill 'TERM', $store_pid if $store_pid;
	waitpid $store_pid, 0 if $store_pid;
	$? = $code;
}

# Runs a command at that time, Unix ms, or at that of the last one.
sub run_at {
	my ($ms, @command) = @_;

	write_file("$Dir/clock", "$ms\n") if defined $ms;
	local $ENV{WN_FAULT_CLOCK} = "$Dir/clock";
	local $ENV{LD_PRELOAD} = $Fault;
	local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0:detect_leaks=0';
	return AdminRun::run('', @command);
}

1;
