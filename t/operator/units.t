#!/usr/bin/perl
# The units that make install installs: systemd accepts them, they leave the
# programs few rights, and these suffice. (No systemd runs here as init.)

use strict;
use warnings;

use FindBin;
use IPC::Open2;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path need_program find_program slurp spurt
    wait_for run_command exec_logged poll_path json_text);
use PayoutTest qw(rig_start rig_stop);

need_program('systemd-analyze');

# The worst exposure that systemd-analyze may find.
my %WORST = ('worknet' => 1.0, 'worknet-alert' => 1.5,
    'worknet-archive' => 1.5, 'worknet-audit' => 1.0,
    'worknet-backup' => 1.0,
    'worknet-log' => 1.0, 'worknet-metrics' => 1.0,
    'worknet-upload' => 1.5, 'worknet-payout' => 1.5, 'worknet-worker@' => 1.5);
my $w = WorknetTest->new->init;
my $dir = $w->dir('units');

# ---- As they are, but for where the programs are ----

mkdir $dir or die $!;
for my $path (glob(build_path('doc/systemd/*.service')),
    glob(source_path('doc/systemd/*.{socket,timer}'))) {
	my $build = build_path('');
	spurt($dir . ($path =~ m{(/[^/]+)$})[0], slurp($path) =~
	    s{^(Exec\w+=-?)/\S*/}{$1$build}mgr);
}
spurt("$dir/worknet-worker\@home.service",
    slurp("$dir/worknet-worker\@.service"));
spurt("$dir/worknet-failed\@worknet.service",
    slurp(source_path('doc/examples/worknet-failed@.service')));
is(join(' ', sort map { m{([^/]+)\.service$} } glob(
    build_path('doc/systemd/*.service'))), join(' ', sort keys %WORST),
    'each service has a bound');
my ($status, $out, $err) = run_command('systemd-analyze', '--man=no',
    'verify', glob("$dir/*[^@].{service,socket,timer}"));
is("$status$out$err", '0', 'systemd finds nothing wrong with the units');

mkdir "$dir/worknet-log.service.d" or die $!;
spurt("$dir/worknet-log.service.d/network.conf",
    slurp(source_path('doc/examples/worknet-log-network.conf')));
($status, $out, $err) = run_command('systemd-analyze', '--man=no', 'verify',
    "$dir/worknet-log.service");
is("$status$out$err", '0', 'nor with the network that witnesses need');
($status, $out) = run_command('systemd-analyze', 'security',
    '--offline=true', '--no-pager', "$dir/worknet-log.service");
cmp_ok(($out =~ /exposure level .*?: (\d+\.\d)/)[0] // 10, '<=', 1.5,
    'which exposes it by little');
system('rm', '-r', "$dir/worknet-log.service.d");

for my $name (sort keys %WORST) {
	my ($status, $out) = run_command('systemd-analyze', 'security',
	    '--offline=true', '--no-pager', "$dir/$name.service");
	my ($score) = $out =~ /exposure level .*?: (\d+\.\d)/;
	cmp_ok($score // 10, '<=', $WORST{$name},
	    "$name is exposed by $WORST{$name} at most");
}
my %text = map { $_ => slurp("$dir/$_.service") } keys %WORST;
is(join(' ', grep { $text{$_} =~ /^User=worknet$/m &&
    $text{$_} =~ /payout\.conf|treasury/ } keys %text), '',
    'none that runs as the coordinator\'s user is told of the payer\'s files');
is(join(' ', sort grep { slurp($_) =~ /^OnCalendar=/m &&
    slurp($_) !~ /^RandomizedDelaySec=.*^Persistent=yes/ms }
    glob "$dir/*.timer"), '', 'each timer makes up for what was missed');

# ---- How each run ended, for node_exporter ----

for my $name (sort grep { $text{$_} =~ /^Type=oneshot/m &&
    $_ ne 'worknet-metrics' } keys %text) {
	my ($run) = $name =~ /-(.*)/;
	my ($command) = $text{$name} =~ /^ExecStopPost=-(.*)$/m;
	my ($runtime) = $text{$name} =~ /^RuntimeDirectory=(.*)$/m;
	my $to = $w->dir("$name.prom");

	like($command // '', qr{--file /run/\Q$runtime\E/$name\.prom$},
	    "$name has its end told in a directory of its own") or next;
	my ($status, undef, $err) = run_command({ env => {
	    SERVICE_RESULT => 'timeout', EXIT_STATUS => 'TERM' } },
	    split(/ /, $command =~ s{/run/\S+}{$to}r));
	is("$status$err", '0', '... which its user can, without a ledger');
	like(slurp($to), qr/^worknet_run_success\{run="$run"\} 0$/m,
	    '... under its name');
}

# ---- System calls ----

# Which a unit allows: the lines of its filter in their order.
sub allowed {
	my ($text) = @_;
	my %allowed;
	my $expand;
	$expand = sub {
		my ($name) = @_;
		return $name if $name !~ /^@/;
		my (undef, $out) = run_command('systemd-analyze',
		    'syscall-filter', $name);
		return map { $expand->($_) } $out =~ /^    ([@\w-]+)$/mg;
	};

	for my $line ($text =~ /^SystemCallFilter=(.*)$/mg) {
		my $not = $line =~ s/^~//;
		for my $call (map { $expand->($_) } split ' ', $line) {
			$allowed{$call} = 1 if !$not;
			delete $allowed{$call} if $not;
		}
	}
	# execve comes before the filter; and only as root SQLite gives its
	# files to the ledger's owner.
	return { %allowed, execve => 1, $> == 0 ? (fchown => 1) : () };
}

sub calls {
	my ($path) = @_;

	return { map { $_ => 1 } slurp($path) =~ /^(?:\d+ +)?(\w+)\(/mg };
}

sub suffices {
	my ($unit, $trace, $what) = @_;
	my $allowed = allowed($text{$unit});
	my @more = grep { !$allowed->{$_} } sort keys %{ calls($trace) };

	is("@more", '', "$unit allows all system calls of $what");
}

# A traced upload of a log, into a store that takes it; and a traced archive of
# what was paid and is there.
sub uploads {
	my (@strace) = @_;

SKIP: {
	my $node = find_program('node');
	skip('a store takes node', 5) if !$node;
	my ($conf, $hour) = ($w->dir('upload.conf'), 3600_000);
	my $end = 1767247200_000;	# 2026-01-01 06:00
	mkdir $w->dir($_) or die $! for qw(up up/site up/state up/store);
	my $pid = open2(my $from, my $to, $node,
	    source_path('t/evidence/store.mjs'), $w->dir('up/store'));
	chomp(my $port = <$from>);
	spurt($w->dir('up/store/control.json'), json_text({ kind => 's3',
	    id => 'i', secret => 's', region => 'r', bucket => 'b' }));
	spurt($w->dir('up/upload.key'), "i\ns\n");
	chmod(0600, $w->dir('up/upload.key')) or die $!;
	spurt($conf, join("\n", '[ledger]', 'path = up/ledger.db', '[log]',
	    'origin = worknet.example/log', 'directory = up/site',
	    'state_directory = up/state', 'key_file = up/log.key', '[upload]',
	    'kind = s3', "endpoint = http://127.0.0.1:$port", 'bucket = b',
	    'region = r', 'key_file = up/upload.key',
	    'state_directory = up/store', '[archive]', 'after_days = 35', ''));
	my @make = (build_path('t/tools/make_ledger'), '--db',
	    $w->dir('up/ledger.db'), '--results', 10, '--end-ms');
	my $payouts = 0;
	run_command(@make, $end - 240 * $hour);
	run_command({ stdin => join '', map { $payouts++;
	    "reserve $_ 0\nsign $payouts\nsubmit $payouts http://f/\n" .
	    "post $payouts 0\nfinal $payouts\n" } split /\n/, (run_command(
	    'sqlite3', $w->dir('up/ledger.db'), 'SELECT address FROM worker'))[1]
	    }, build_path('t/tools/make_payouts'), '--db', $w->dir('up/ledger.db'),
	    '--now', $end - 216 * $hour);
	run_command(@make, $end, '--append');
	my @log = (build_path('worknet-log'), '-c', $conf);
	run_command(@log, '--key', 'new');
	spurt($w->dir('clock'), $end + 3 * $hour);
	my %at = (env => { LD_PRELOAD => build_path('t/tools/fault.so'),
	    WN_FAULT_CLOCK => $w->dir('clock') });
	run_command(\%at, @log, '--idle');
	run_command(\%at, build_path('worknet'), '-c', $conf, 'rollup');
	is((run_command(@strace, @log, '--upload'))[0], 0,
	    'a traced upload is made');
	ok(scalar(() = glob $w->dir('up/store/objects/*')), 'of some objects');
	suffices('worknet-upload', $strace[-1], 'that');
	like((run_command(@strace, build_path('worknet'), '-c', $conf,
	    '--json', 'archive'))[1], qr/"results": *[1-9]/,
	    'a traced archive drops some');
	suffices('worknet-archive', $strace[-1], 'that');
	close($to);
	waitpid($pid, 0);
}
}

SKIP: {
	my $strace = find_program('strace');
	skip('strace isn\'t installed', 13) if !defined $strace ||
	    system($strace, '-o', '/dev/null', 'true') != 0;
	my @strace = ($strace, '-f', '-qq', '-o');
	my $trace = $w->dir('trace');
	my $worker = $w->worker(1);

	$w->task_add('t', interval => '1s', cooldown => '0s');
	$w->start(how => sub {
		my ($log, @command) = @_;
		exec_logged($log, @strace, $trace, @command, '-s',
		    $w->socket_path);
	});
	my ($pid) = slurp('/proc/' . $w->pid . '/task/' . $w->pid .
	    '/children') =~ /(\d+)/;
	is($w->fcgi->get('/health')->{status}, 200, 'a traced coordinator ' .
	    'answers');
	$w->fcgi->get(poll_path($worker->{address}));
	$w->fcgi->post([ $w->result($worker, 't') ]);
	kill('TERM', $pid);
	is($w->stop_wait, 0, 'and ends');
	suffices('worknet', $trace, 'a coordinator\'s life');

	run_command(@strace, $trace, build_path('worknet'), '-c',
	    $w->conf_path, 'audit', '--signatures');
	suffices('worknet-audit', $trace, 'an audit');

	mkdir $w->dir($_) or die $! for qw(site log-state);
	spurt($w->dir('log.conf'), "[ledger]\npath = " . $w->ledger_path .
	    "\n[log]\norigin = worknet.example/log\ndirectory = " .
	    $w->dir('site') . "\nstate_directory = " . $w->dir('log-state') .
	    "\nkey_file = " . $w->dir('log.key') . "\n");
	my @log = (build_path('worknet-log'), '-c', $w->dir('log.conf'));
	run_command(@log, '--key', 'new');
	is((run_command(@strace, $trace, @log))[0], 0, 'a traced log is made');
	suffices('worknet-log', $trace, 'that');
	uploads(@strace, $trace);

	spurt($w->dir('receivers'), 'x webhook * https://h.example/ whsec_' .
	    'd29ya25ldCB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcyE=' . "\n" .
	    "y mail * mailto:y\@h.example\n");
	chmod 0600, $w->dir('receivers') or die $!;
	spurt($w->dir('sendmail'), "#!/bin/sh\n");
	chmod 0700, $w->dir('sendmail') or die $!;
	spurt($w->dir('alert.conf'), "[ledger]\npath = " . $w->ledger_path .
	    "\n[alert]\nreceivers_file = receivers\nsendmail = sendmail\n");
	run_command(build_path('worknet'), 'alert', 'test', $_, '-c',
	    $w->dir('alert.conf')) for qw(x y);
	is((run_command(@strace, $trace, build_path('worknet-alert'), '-c',
	    $w->dir('alert.conf')))[0], 0, 'traced alerts are told');
	suffices('worknet-alert', $trace, 'that');

	run_command(build_path('worknet-worker'), '--new-key',
	    $w->dir('worker.key'));
	$w->nginx_start;
	$w->start;
	run_command(@strace, $trace, build_path('worknet-worker'), '--once',
	    '--allow-private', '-k', $w->dir('worker.key'), '-u',
	    $w->url('/api'));
	suffices('worknet-worker@', $trace, 'a worker\'s round');
	is($w->stop, 0, 'the coordinator ends');
	$w->nginx_stop;

	skip('a chain and a facilitator take node', 1)
	    if !find_program('node') ||
	    !-d source_path('t/node_modules/viem');
	my $rig = rig_start();
	my $l = PayoutTest->new($rig);
	my ($status, undef, $err) = run_command(@strace, $trace,
	    build_path('worknet-payout'), '-c', $l->conf_path);
	is($status, 10, 'a traced payout run pays') or diag($err);
	suffices('worknet-payout', $trace, 'that');
	rig_stop($rig);
}

done_testing();
