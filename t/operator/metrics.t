#!/usr/bin/perl
# What a Prometheus reads: the coordinator's /metrics, which only this machine
# gets; worknet metrics, of the ledger; and the alerts on both. With promtool in
# the PATH it has the last word, else a strict reading of the format has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Test::More;

use WorknetTest qw(build_path source_path need_program find_program slurp
    spurt run_command json_value http_raw http_read poll_path wait_for);

need_program('sqlite3');
alarm(180);

# {name{labels}} => value; dies of what isn't the text format 0.0.4.
sub samples {
	my ($text) = @_;
	my (%value, %type, $family);

	for my $line (split /\n/, $text) {
		if ($line =~ /^# HELP (\w+) (\S.*[.])$/) {
			die "help of $1 twice\n" if exists $type{$1};
			($family, $type{$1}) = ($1, undef);
		} elsif ($line =~ /^# TYPE (\w+) (counter|gauge|histogram)$/) {
			die "type of $1 without its help\n" if $1 ne $family;
			$type{$1} = $2;
			die "counter $1 doesn't end with _total\n"
			    if $2 eq 'counter' && $1 !~ /_total$/;
		} elsif ($line =~ /^(\w+?)((?:_bucket|_sum|_count)?)((?:\{\w+="[^"\\]*"(?:,\w+="[^"\\]*")*\})?) (-?\d+(?:\.\d+)?)$/) {
			my $name = ($type{$family} // '') eq 'histogram' ?
			    $1 : "$1$2";
			die "$name under $family\n" if $name ne $family;
			die "$1$2$3 twice\n" if exists $value{"$1$2$3"};
			$value{"$1$2$3"} = $4;
		} else {
			die "not the text format: $line\n";
		}
	}
	die "no newline at the end\n" if $text !~ /\n\z/;
	return \%value;
}

my $promtool = find_program('promtool');

sub format_ok {
	my ($text, $name) = @_;
	my $got = eval { samples($text) };

	ok($got, "$name is in Prometheus's text format") or diag($@);
	SKIP: {
		skip('no promtool', 1) if !$promtool;
		my ($status, $out, $err) = run_command('/bin/sh', '-c',
		    'exec "$0" check metrics <"$1"', $promtool,
		    metrics_file($text));
		is("$status$out$err", '0', '... promtool finds nothing');
	}
	return $got // {};
}

my $w = WorknetTest->new->init;
sub metrics_file {
	my ($text) = @_;

	spurt($w->dir('metrics.txt'), $text);
	return $w->dir('metrics.txt');
}

# ---- The coordinator's ----

my $one = $w->worker(1);
$w->task_add('task1', interval => '1s', copies => 100, cooldown => '0s');
$w->start;
my $c = $w->fcgi;
sub metrics {
	return $c->request('GET', '/metrics', params => { WORKNET_LOCAL => 1 });
}
is($c->get('/metrics')->{status}, 404, 'a stranger isn\'t shown metrics');
is($c->get('/api/metrics')->{status}, 404, '... by no path');
is($c->request('GET', '/metrics', params => { WORKNET_LOCAL => 0 })->{status},
    404, '... nor whom the web server calls no local one');
my $before = format_ok(metrics()->{body}, '/metrics');
is(metrics()->{headers}{'content-type'}, 'text/plain; version=0.0.4',
    'it says which format that is');
cmp_ok($before->{"worknet_shut_in{layer=\"$_\"}"}, '>', 0,
    "it is shut in by $_") for 'landlock', 'seccomp';
is($before->{worknet_calls_refused_total}, 0, 'which refused nothing');

wait_for(sub { $c->get(poll_path($one->{address}))->{body} =~ /task1/ },
    'a task');
like($c->post([ $w->result($one, 'task1', timestamp => $w->fresh_ms) ])
    ->{body}, qr/"accepted":1/, 'a result is paid');
$c->post([ $w->result($one, 'nosuch', timestamp => $w->fresh_ms) ]);
$c->get('/nothing');
$c->request('POST', '/health');
my $after = format_ok(metrics()->{body}, 'later /metrics');
sub rises {
	my ($key, $by) = @_;

	is(($after->{$key} // 0) - ($before->{$key} // 0), $by,
	    "$key rises by $by");
}
rises('worknet_requests_total{route="/v1/worker/results",status="200"}', 2);
rises('worknet_requests_total{route="none",status="404"}', 1);
rises('worknet_requests_total{route="/health",status="405"}', 1);
rises('worknet_results_total{outcome="paid"}', 1);
rises('worknet_results_total{outcome="unknown_task"}', 1);
rises('worknet_credited_usdc_total', '0.0001');
ok($after->{worknet_polls_total} > 0, 'polls are counted');
ok($after->{worknet_tasks_given_total} > 0, '... and what they are given');
my $name = 'worknet_commit_duration_seconds';
my @buckets = map { $after->{"${name}_bucket{le=\"$_\"}"} } sort { $a <=> $b }
    map { /^${name}_bucket\{le="(\d[\d.]*)"\}$/ ? $1 : () } keys %$after;
is(scalar @buckets, 15, 'a commit\'s time is in one of 15 buckets');
is_deeply(\@buckets, [ sort { $a <=> $b } @buckets ], 'which add up');
is($after->{"${name}_bucket{le=\"+Inf\"}"}, $after->{"${name}_count"},
    '... to all of them');
ok($after->{"${name}_count"} > ($before->{"${name}_count"} // 0),
    'which are more');
ok($after->{"${name}_sum"} > 0, '... and took time');

SKIP: {
	skip('no nginx', 4) if !find_program('nginx');
	$w->nginx_start;
	my $s = IO::Socket::UNIX->new(Peer => $w->dir('nginx/metrics.sock'))
	    or die "metrics.sock: $!";
	syswrite($s, "GET /metrics HTTP/1.0\r\n\r\n");
	my $r = http_read($s);
	is($r->{status}, 200, 'nginx, as shipped, gives them to this machine');
	format_ok($r->{body}, 'what it gives');
	for my $path ('/metrics', '/api/metrics') {
		my $s = IO::Socket::INET->new(PeerAddr =>
		    "127.0.0.1:$w->{port}") or die $!;
		syswrite($s, "GET $path HTTP/1.0\r\nHost: HOST\r\n" .
		    "Worknet-Local: 1\r\n\r\n");
		is(http_read($s)->{status}, 404, "and $path to nobody else");
	}
	$w->nginx_stop;
}
is($w->stop, 0, 'it stops');

# ---- The ledger's ----

my ($status, $text, $err) = run_command(build_path('worknet'), '-c',
    $w->conf_path, 'metrics');
is($status, 0, 'worknet metrics') or diag($err);
my $ledger = format_ok($text, 'what it prints');
is($ledger->{worknet_owed_usdc}, '0.000100', 'what is owed');
is($ledger->{'worknet_tasks{state="active"}'}, 1, 'the tasks');
is($ledger->{worknet_payout_last_run_timestamp_seconds}, '0.000',
    'no payout run');
ok(abs($ledger->{worknet_last_result_timestamp_seconds} - time) < 170,
    'when something was credited');
my $path = $w->dir('worknet.prom');
umask 077;
($status, undef, $err) = run_command(build_path('worknet'), '-c',
    $w->conf_path, 'metrics', '--file', $path);
is($status, 0, 'they go to a file') or diag($err);
is((stat $path)[2] & 0777, 0644, 'which another user can read');
is_deeply([ sort keys %{ samples(slurp($path)) } ], [ sort keys %$ledger ],
    'the same ones');
ok(!-e "$path.part", 'and leave nothing else');
mkdir $w->dir('in.prom');
($status, undef, $err) = run_command(build_path('worknet'), '-c',
    $w->conf_path, 'metrics', '--file', $w->dir('in.prom'));
is($status, 7, 'what can\'t be replaced is told');
like($err, qr/in\.prom/, '... by its name');
ok(!-e $w->dir('in.prom.part'), '... and leaves nothing');

# A task that nobody takes is due since then, and its copies are missed.
is($ledger->{'worknet_copies_last_hour{state="missed"}'},
    $ledger->{'worknet_copies_last_hour{state="opened"}'} -
    $ledger->{'worknet_copies_last_hour{state="paid"}'},
    'what wasn\'t paid of the copies is missed');
my $due = $w->sql_value('SELECT min(open_ms) FROM schedule WHERE paused = 0');
sub oldest_due {
	return samples((run_command({ env => { $w->fault_env } },
	    build_path('worknet'), '-c', $w->conf_path, 'metrics'))[1])
	    ->{worknet_task_oldest_due_timestamp_seconds};
}
$w->fault_prepare;
$w->clock_set($due + 1);
is(oldest_due(), sprintf('%d.%03d', $due / 1000, $due % 1000),
    'since when the longest wait is');
$w->clock_set($due - 1);
is(oldest_due(), '0.000', 'before that nothing is due');
$w->clock_set($due + 10_000);
$w->task_add('other', region => 'eu', interval => '1h');
is(oldest_due(), sprintf('%d.%03d', $due / 1000, $due % 1000),
    '... whichever region it is of');
$w->worknet('task', 'pause', 'task1');
my $there = $w->sql_value('SELECT open_ms FROM schedule WHERE paused = 0');
$w->clock_set($there + 1);
is(oldest_due(), sprintf('%d.%03d', $there / 1000, $there % 1000),
    'and not when the task is paused');
$w->worknet('task', 'pause', 'other');
is(oldest_due(), '0.000', '... as all are');
$w->worknet('task', 'resume', 'task1');
$w->clock_set(undef);
$w->sql_text('INSERT INTO payout_run (began_ms, ended_ms, exit_code, ' .
    'reconcile, reserved, posted, voided, unresolved) ' .
    'VALUES (1, 2, 4, 0, 5, 6, 7, 8)');
$ledger = samples((run_command(build_path('worknet'), '-c', $w->conf_path,
    'metrics'))[1]);
is(join(' ', map { $ledger->{"worknet_payout_last_run_payouts{state=\"$_\"}"} }
    qw(reserved paid voided unresolved)), '5 6 7 8',
    'what the last payout run did');

# ---- How a run ended ----

sub run_metrics {
	my ($env, @more) = @_;
	my ($status, $text, $err) = run_command({ env => $env },
	    build_path('worknet'), 'metrics', @more);

	return ($status, $status == 0 ? format_ok($text, "metrics @more") :
	    $err);
}
my %no = (SERVICE_RESULT => undef, EXIT_STATUS => undef);
my $runs;
for (
	[ 'a run that went well', { SERVICE_RESULT => 'success',
	    EXIT_STATUS => 10 }, [], 10, 1 ],
	[ 'one that failed', { SERVICE_RESULT => 'exit-code',
	    EXIT_STATUS => 1 }, [], 1, 0 ],
	[ 'one that was killed', { SERVICE_RESULT => 'signal',
	    EXIT_STATUS => 'KILL' }, [], -1, 0 ],
	[ 'one that cron started', {}, [ '--exit', 0 ], 0, 1 ],
	[ 'one of cron that failed', {}, [ '--exit', 7 ], 7, 0 ]) {
	my ($what, $env, $more, $code, $well) = @$_;

	($status, $runs) = run_metrics({ %no, %$env }, '--run', 'payout',
	    @$more);
	is($status, 0, "$what is told of") or diag($runs);
	is($runs->{'worknet_run_exit_code{run="payout"}'}, $code,
	    '... with its code');
	is($runs->{'worknet_run_success{run="payout"}'}, $well,
	    '... and whether that is well');
}
ok(abs($runs->{'worknet_run_end_timestamp_seconds{run="payout"}'} - time) < 170,
    'and when it ended');
for ([ 'a name that is no label', qr/expected a name/, '--run', 'a"b' ],
    [ 'an end that nobody tells', qr/needs --exit/, '--run', 'x' ]) {
	my ($what, $says, @more) = @$_;

	($status, $err) = run_metrics(\%no, @more);
	is($status, 2, "$what is refused");
	like($err, $says, '... in words');
}

# ---- Alerts ----

my $rules = slurp(source_path('doc/prometheus/worknet.rules.yml'));
my @alerts = $rules =~ /^ +- alert: (\w+)$/mg;
cmp_ok(scalar @alerts, '<=', 12, 'there are at most 12 alerts');
my %known = map { s/\{.*//r => 1 } keys %$ledger, keys %$after, keys %$runs;
$known{up} = 1;
is(join(' ', grep { !$known{$_} } $rules =~ /\b(worknet_\w+|up)(?=[{\[ )])/g),
    '', 'each of their metrics is one that there is');

# The dashboard: each expression is of metrics that there are, of a type that
# its function takes, and one that promtool can parse.
my $dashboard = json_value(slurp(source_path('doc/prometheus/dashboard.json')));
my @panels = @{ $dashboard->{panels} };
my @exprs = map { $_->{expr} } map { @{ $_->{targets} } } @panels;
cmp_ok(scalar @exprs, '>', 10, 'the dashboard has expressions');
for my $expr (@exprs) {
	my @of = $expr =~ /\b(worknet_\w+)/g;
	isnt(scalar @of, 0, "$expr is of our metrics");
	is(join(' ', grep { !$known{$_} } @of), '', '... which there are');
	is(join(' ', grep { !/_(?:total|bucket)$/ } $expr =~
	    /rate\((\w+)/g), '', '... and has rates of counters alone');
}
is(scalar(grep { !$_->{title} || !@{ $_->{targets} } } @panels), 0,
    'each panel has a title, and something to show');
my %at;
for my $g (map { $_->{gridPos} } @panels) {
	$at{"$_ $g->{y}"}++ for $g->{x} .. $g->{x} + $g->{w} - 1;
}
is(scalar(grep { $_ > 1 } values %at), 0, 'no two panels lie on each other');
SKIP: {
	skip('no promtool', 1) if !$promtool;
	my $n = 0;
	spurt($w->dir('expr.yml'), "groups:\n- name: dashboard\n  rules:\n" .
	    join('', map { "  - record: worknet:panel_" . $n++ .
	    "\n    expr: '$_'\n" } @exprs));
	my ($status, $out, $err) = run_command($promtool, 'check', 'rules',
	    $w->dir('expr.yml'));
	is($status, 0, 'promtool can parse each') or diag($out, $err);
}

my $tests = slurp(source_path('t/operator/worknet.rules.test.yml'));
for my $alert (@alerts) {
	is(scalar(() = $tests =~ /\b$alert\b/g), 2,
	    "$alert is tried when all is well, and when it isn't");
}
SKIP: {
	skip('no promtool', 1) if !$promtool;
	spurt($w->dir('worknet.rules.yml'), $rules);
	spurt($w->dir('test.yml'), $tests);
	my ($status, $out, $err) = run_command($promtool, 'test', 'rules',
	    $w->dir('test.yml'));
	is($status, 0, 'promtool: each fires then, and only then') or
	    diag($out, $err);
}
$w->log_ok;
done_testing();
