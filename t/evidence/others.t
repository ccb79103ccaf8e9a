#!/usr/bin/perl
# Witnesses that cosign the log's checkpoints, and authorities that stamp them:
# strict ones, ones that lie, hang, are away or know better. Whatever they do,
# the log goes on and never forks; what they say is checked before it is shown,
# and is proven to strangers by two verifiers and by openssl.
use strict;
use warnings;
use File::Basename 'dirname';
use Digest::SHA 'sha256_hex';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);
my $node = $ENV{NODE} || 'node';

need_log('make_ledger');
plan skip_all => 'no node' if system("$node --version >/dev/null 2>&1");
plan skip_all => 'no viem' unless -d "$here/../node_modules/viem";
plan skip_all => 'no openssl' if system('openssl version >/dev/null 2>&1');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 900;

my $HOUR = 3600_000;
# The ledger's last hour ends then: 2026-01-01 06:00.
my $end = 1767247200_000;
my $at = $end;
write_file("$Dir/clock", "$at\n");

# Runs a command at the time of the clock's file.
sub at_clock { return run_at(undef, @_) }

# ---- Authorities' keys, and the server of all of them ----

sub openssl {
	my $r = at_clock('openssl', @_);
	die "openssl @_: $r->{err}" if $r->{code} ne '0';
	return $r->{out};
}

# A root and one that it has certified; one that is certified by itself; and a
# stranger, who has the names of the first two.
my @days = ('-days', 3650, '-nodes');
for my $ca ('ca', 'stranger-ca') {
	openssl('req', '-x509', '-newkey', 'rsa:2048', @days, '-subj',
	    '/CN=a root', '-keyout', "$Dir/$ca.key", '-out', "$Dir/$ca.pem");
}
write_file("$Dir/ext", "extendedKeyUsage=critical,timeStamping\n");
for (['t1', 'ca'], ['stranger', 'stranger-ca']) {
	my ($name, $ca) = @$_;
	openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj',
	    '/CN=an authority', '-keyout', "$Dir/$name.key", '-out',
	    "$Dir/$name.csr");
	openssl('x509', '-req', '-in', "$Dir/$name.csr", '-CA', "$Dir/$ca.pem",
	    '-CAkey', "$Dir/$ca.key", '-set_serial', 7, '-days', 3650,
	    '-extfile', "$Dir/ext", '-out', "$Dir/$name.pem");
}
openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', @days, '-subj', '/CN=another authority',
    '-addext', 'extendedKeyUsage=critical,timeStamping', '-keyout',
    "$Dir/t2.key", '-out', "$Dir/t2.pem");
write_file("$Dir/tsa.cnf", join '', map { <<"END" } qw(t1 t2 stranger));
[$_]
serial = $Dir/$_.serial
signer_cert = $Dir/$_.pem
signer_key = $Dir/$_.key
signer_digest = @{[$_ eq 't2' ? 'sha384' : 'sha256']}
default_policy = 1.2.3.4.1
digests = sha256
clock_precision_digits = @{[$_ eq 't2' ? 3 : 0]}
tsa_name = yes
ess_cert_id_alg = @{[$_ eq 't2' ? 'sha1' : 'sha256']}
END

my ($served, @vkeys, $port);
my $server = do {
	local $ENV{WN_FAULT_SO} = $Fault;
	open($served, '-|', $node, "$here/others.mjs", $Dir) or die "node: $!";
};
my $main = $$;
END {
	local $?;
	# It is closed here, lest perl wait for its end before this.
	if ($server && $$ == $main) {
		kill 'TERM', $server;
		close $served;
	}
}
while (<$served>) {
	chomp;
	$port = $1, last if /^port (\d+)$/;
	push @vkeys, $_;
}
die "the witnesses don't serve\n" unless $port;
my $url = "http://127.0.0.1:$port";

# ---- The log ----

my $conf = "$Dir/log.conf";
sub witnesses { return join '', map { "witnesses = $vkeys[$_ - 1] $url/w$_\n" } @_ }
sub authorities {
	return join '', map { "timestamp_authorities = $_ $url/$_ $Dir/" .
	    ($_ eq 't1' ? 'ca' : $_) . ".pem\n" } @_;
}
sub configure { log_conf(join '', @_) }
my $picked = $ENV{WN_CASES} // '';
sub section { my ($name, $do) = @_; $do->() if $name =~ /(?:$picked)/ }
my @all = (witnesses(1, 2, 3), authorities('t1', 't2'));

sub log_run { return at_clock(@_, program('worknet-log'), '-c', $conf, '--idle') }
# An hour later, with those who don't do as they should.
sub modes { my (%m) = @_; write_file("$Dir/modes", join '', map { "$_ $m{$_}\n" } sort keys %m) }
sub later {
	my (%m) = @_;
	modes(%m);
	$at += $HOUR;
	write_file("$Dir/clock", "$at\n");
	return log_run();
}
# The same again: nothing new is logged.
sub again { my (%m) = @_; modes(%m); return log_run() }

sub checkpoint {
	my ($file) = @_;
	my @lines = -e "$Dir/$file" ? split /\n/, read_file("$Dir/$file") : ();
	return @lines ? "$lines[1] $lines[2]" : '0';
}
sub size { return (split / /, checkpoint('site/checkpoint'))[0] }
sub cosigners {
	my $note = -e "$Dir/site/checkpoint" ?
	    read_file("$Dir/site/checkpoint") : '';
	return join ' ', $note =~ m{^\xe2\x80\x94 witness\.example/(\S+) }mg;
}
sub stamps {
	my $hash = sha256_hex(read_file("$Dir/site/checkpoint"));
	return join ' ', map { m{([^/]+)\.tsr$} } sort glob "$Dir/site/timestamp/$hash/*";
}
sub asked { my $t = -e "$Dir/asked" ? read_file("$Dir/asked") : ''; unlink "$Dir/asked"; return $t }
sub dirs_new {
	system('rm', '-rf', "$Dir/site", "$Dir/state", "$Dir/seen");
	mkdir "$Dir/$_" or die $! for qw(site state);
}
sub save { system("rm -rf $Dir/$_[1]; cp -a $Dir/$_[0] $Dir/$_[1]") == 0 or die }

my $exports = 0;
# What both verifiers say of an export, by that policy or by its own.
sub verified {
	my ($policy) = @_;
	my $out = "$Dir/export" . $exports++;
	my $r = worknet('-c', $conf, 'export', '--task', 'task_00000', '--from',
	    $end - 12 * $HOUR, '--to', $at + $HOUR, $out);
	die $r->{err} if $r->{code} ne '0';
	return both($out, $policy);
}
sub both {
	my ($out, $policy) = @_;
	my $c = worknet('verify', '--json', $out,
	    $policy ? ('--policy', $policy) : ());
	my $js = AdminRun::run('', $node, "$here/verify.mjs", $out,
	    $policy // ());
	is($js->{code}, $c->{code}, 'both verifiers end alike')
	    or diag "$c->{err}\n$js->{err}";
	is($js->{out}, $c->{out}, 'and say the same') if $c->{code} eq '0';
	return { code => $c->{code}, err => $c->{err}, js => $js->{err},
	    out => $out, $c->{code} eq '0' ? %{ json_of($c) } : () };
}

dirs_new();
configure();
is(at_clock(program('worknet-log'), '-c', $conf, '--key', 'new')->{code}, 0,
    'a key is made');
make_ledger("$Dir/ledger.db", '--tasks', 1, '--interval-ms', 600000,
    '--copies', 2, '--results', 40, '--seed', 3, '--end-ms', $end);

# ---- None of them ----

section 'none' => sub { SKIP: {
	skip 'strace can\'t trace here', 2
	    if system('strace -f -o /dev/null true 2>/dev/null');
	$at += $HOUR;
	write_file("$Dir/clock", "$at\n");
	my $r = log_run('strace', '-f', '-qq', '-o', "$Dir/trace", '-e',
	    'trace=network');
	is("$r->{code} $r->{err}", '0 ', 'who has none of them logs');
	is(read_file("$Dir/trace"), '', 'without a single socket');
} };

# ---- All is well ----

configure(@all);
my $r = later();
my $seen_once = read_file("$Dir/site/checkpoint");
section 'well' => sub {
is("$r->{code} $r->{err}", '0 ', 'with witnesses and authorities it logs');
is(cosigners(), 'w1 w2 w3', 'what is shown has the cosignature of each');
is(stamps(), 't1 t2', 'and its stamps are beside it');
my $v = verified();
is("$v->{witnesses} $v->{firstSeen} $v->{timestamps} $v->{firstStamped}",
    "3 $at 2 $at", 'which is proven to strangers, and when');
for (['t1', 'ca.pem'], ['t2', 't2.pem']) {
	my $o = at_clock('openssl', 'ts', '-verify', '-in',
	    "$v->{out}/timestamp/$_->[0].tsr", '-data',
	    "$v->{out}/checkpoint", '-CAfile', "$Dir/$_->[1]",
	    '-partial_chain');
	like($o->{out} . $o->{err}, qr/^Verification: OK$/m,
	    "openssl says so of $_->[0], too") or diag $o->{err};
}
like(read_file("$Dir/site/policy"),
    qr/^# made.*\nlog \S+\n(witness \S+ \S+\n){3}(authority \S+ \S+\n){2}group more-than-half 2 .*\nquorum more-than-half\n$/,
    'the policy that is shown asks for more than half');
like(worknet('verify', $v->{out})->{out},
    qr/was there when the first of those witnesses or authorities saw it/,
    'in words, too');
my $segment = (sort glob "$Dir/site/segment/*/*/*/*/*.tlog-proof")[-1];
is(worknet('verify', $segment, '--policy', "$Dir/site/policy")->{code}, 0,
    'proof files have the cosignatures, too');
asked();
$r = again();
is("$r->{code} $r->{err} " . asked(), '0  ', 'nothing new is nothing to ask');
later();
is_deeply([sort map { (split / /)[0, 4] } split /\n/, asked()],
    [sort map { ($_, 200, $_, 200) } qw(w1 w2 w3)],
    'each is asked before something is signed, and after it, once');
};

# ---- One that isn't as it should be ----

my %says = (
	forged => qr/isn't by its key, or isn't of this text/,
	twofaced => qr/isn't by its key, or isn't of this text/,
	another => qr/no signature by the key of witness\.example\/w1/,
	older => qr/isn't by its key, or isn't of this text/,
	future => qr/its cosignature is of \d+, and the clock shows/,
	longer => qr/more than lines of signatures/,
	nothing => qr/signature/,
	empty => qr/signature|note/,
	many => qr/more than 64 signatures/,
	junk => qr/control characters/,
	ahead => qr/says that it has seen \d+ leaves of the log, which has \d/,
	huge => qr/isn't a number from 0/,
	wordy => qr/isn't a number from 0/,
	same => qr/answers 409/,
	moving => qr/another size each time/,
	unknown => qr/answers 404: it doesn't know the log/,
	forbidden => qr/answers 403: it doesn't take the log's signature/,
	broken => qr/answers 500$/m,
	elsewhere => qr/answers 302/,
	drop => qr/no answer/,
	endless => qr/no answer/,
);
for my $mode (grep { /(?:$picked)/ } sort keys %says) {
	my $before = size();
	$r = later(w1 => $mode);
	is($r->{code}, 6, "$mode: is told") or diag $r->{err};
	my @lines = split /\n/, $r->{err};
	is(scalar @lines, 1, "$mode: in one line") or diag $r->{err};
	like($lines[0] // '', qr/witness\.example\/w1: .*$says{$mode}/,
	    "$mode: which says what it is");
	cmp_ok(size(), '>', $before, "$mode: the log goes on");
	is(cosigners(), 'w2 w3', "$mode: with the others' word alone");
	$r = later(w1 => $mode);
	is("$r->{code} $r->{err}", '0 ', "$mode: is told once");
	$r = again();
	is($r->{code}, 0, "$mode: an end of it is no fault");
	like($r->{err}, qr/w1: is as it should be again\n$/, "$mode: it is told");
	is(cosigners(), 'w1 w2 w3', "$mode: the same checkpoint has its word then");
}
my $v = verified();
is($v->{witnesses}, 3, 'after all of it strangers see one log');

# ---- An authority that isn't ----

my %stamps = (
	forged => qr/the stamp's signature: /,
	imprint => qr/the stamp is of something else/,
	nonce => qr/the stamp's nonce isn't the one that was sent/,
	older => qr/the stamp is of something else/,
	refuses => qr/the authority refuses: status 2/,
	junk => qr/isn't a timestamp's answer/,
	longer => qr/isn't a timestamp's answer/,
	changed => qr/the stamp's signature: /,
	broken => qr/answers 500/,
	drop => qr/no answer/,
);
for my $mode (grep { "stamp $_" =~ /(?:$picked)/ } sort keys %stamps) {
	my $before = size();
	$r = later(t1 => $mode);
	is($r->{code}, 6, "stamp $mode: is told") or diag $r->{err};
	like($r->{err}, qr/^[^\n]*\bt1: [^\n]*(?:$stamps{$mode})[^\n]*\n$/,
	    "stamp $mode: in one line, which says what it is");
	cmp_ok(size(), '>', $before, "stamp $mode: the log goes on");
	is(stamps(), 't2', "stamp $mode: with the other's stamp alone");
	$r = again(t1 => $mode);
	is("$r->{code} $r->{err}", '0 ', "stamp $mode: is told once");
	$r = again();
	like("$r->{code} $r->{err}", qr/^0 .*t1: is as it should be again\n$/,
	    "stamp $mode: its end, too");
	is(stamps(), 't1 t2', "stamp $mode: the same checkpoint has it then");
}

# ---- All of them hang ----

section 'hang' => sub {
$r = later(map { $_ => 'hang' } qw(w1 w2 w3 t1 t2));
is($r->{code}, 6, 'all of them hang');
is(scalar(() = $r->{err} =~ /: no answer: /g), 5, 'a line for each');
is(cosigners() . stamps(), '', 'the log goes on with nobody\'s word');
like(verified()->{err}, qr/which isn't its quorum/,
    'for which its own policy isn\'t met');
write_file("$Dir/none", (read_file("$Dir/site/policy") =~ /^(log .*\n)/m)[0] .
    "quorum none\n");
is(verified("$Dir/none")->{witnesses}, 0, 'but one that asks for none');
sub doctor {
	my ($check) = grep { $_->{check} eq 'evidence' }
	    @{ json_of(worknet('-c', $conf, 'doctor', '--json'))->{checks} };
	return ($check->{ok} ? 'well' : 'ill') . ": $check->{detail}";
}
like(doctor(), qr{^ill: .*lacks the word of witness\.example/w1 witness\.example/w2 witness\.example/w3 t1 t2: },
    'worknet doctor says whose word is missing');
my $text = checkpoint('site/checkpoint');
$r = again();
unlike(doctor(), qr/lacks the word/, 'and not that of those who gave it');
is(checkpoint('site/checkpoint') . ' ' . cosigners() . ' ' . stamps(),
    "$text w1 w2 w3 t1 t2", 'the same checkpoint has all of it later');
is(verified()->{witnesses}, 3, 'which its policy takes');
};

# ---- Who knows better ----

section 'better' => sub {
save('site', 'site-old');
save('state', 'state-old');
later();
later();
my $newest = checkpoint('site/checkpoint');
save('site', 'site-new');
save('state', 'state-new');
save('site-old', 'site');
save('state-old', 'state');
my $old = checkpoint('state/signed');
asked();
$r = later();
is($r->{code}, 6, 'with older copies of both directories nothing is signed');
like($r->{err}, qr/3 of 3 witnesses have seen more of the log than its \d+ leaves, .*its directories are older copies/,
    'and it says why');
is(checkpoint('state/signed'), $old, 'so it is');
is(cosigners(), 'w1 w2 w3', 'what is shown stays as it was');
is(scalar(() = asked() =~ / 422$/mg), 0, 'no witness was shown a fork');
again(w2 => 'drop', w3 => 'drop');
is(checkpoint('state/signed'), $old, 'nor when only one is there to say so');
system('rm', '-rf', "$Dir/site", "$Dir/state");
mkdir "$Dir/$_" or die $! for qw(site state);
$r = again();
is("$r->{code} " . checkpoint('state/signed'), '6 0',
    'without both directories it doesn\'t begin anew, either');
save('site-new', 'site');
save('state-new', 'state');
$r = later();
is($r->{code}, 0, 'with the newest ones it goes on');
is(cosigners(), 'w1 w2 w3', 'and the witnesses with it');
$newest = checkpoint('state/signed');
$r = later(w1 => 'ahead', w2 => 'ahead');
is("$r->{code} " . checkpoint('state/signed'), "6 $newest",
    'two of three that lie so hold it up');
$r = again(w1 => 'ahead', w2 => 'drop');
is(checkpoint('state/signed'), $newest, 'so does one of two that answer');
again();
isnt(checkpoint('state/signed'), $newest, 'until they don\'t');
configure(witnesses(1));
later();
configure(witnesses(1, 2, 3));
unlink glob "$Dir/seen/*";
$r = later();
is("$r->{code} $r->{err} " . cosigners(), '0  w1 w2 w3',
    'witnesses that have forgotten all are shown all');
};

# ---- Another key ----

section 'key' => sub {
configure(witnesses(1, 2, 3));
modes(w1 => 'drop', w2 => 'drop');
my $key = read_file("$Dir/log.key");
$r = at_clock(program('worknet-log'), '-c', $conf, '--key', 'next');
is($r->{code}, 7, 'another key doesn\'t take over while no quorum sees it');
is(read_file("$Dir/log.key"), $key, 'the old one stays');
my $policy = write_file("$Dir/policy-old", read_file("$Dir/site/policy"));
modes();
$r = at_clock(program('worknet-log'), '-c', $conf, '--key', 'next');
is($r->{code}, 0, 'it does once one does') or diag $r->{err};
later();
$v = verified($policy);
is($v->{witnesses} // $v->{err}, 3,
    'who trusts the old key, and a quorum, takes the new one');
};

# ---- What strangers are given ----

section 'strangers' => sub {
configure(@all);
later();
$v = verified();
my $take = sub {
	my ($what, $says, $change) = @_;
	system('rm', '-rf', "$Dir/forged");
	system('cp', '-a', $v->{out}, "$Dir/forged");
	$change->("$Dir/forged");
	my $got = both("$Dir/forged");
	is($got->{code}, 1, "$what: both refuse it");
	like($got->{err}, $says, "$what: worknet verify says why");
	like($got->{js}, $says, "$what: so does the other one");
};
my $change = sub {
	my ($name, $how) = @_;
	return sub {
		my ($dir) = @_;
		local $_ = read_file("$dir/$name");
		$how->();
		write_file("$dir/$name", $_);
	};
};
for my $name ('t1', 't2') {
	my $of = "timestamp/$name.tsr";
	$take->("$name: a stamp with its end changed",
	    qr/$of: the stamp's signature/,
	    $change->($of, sub { substr($_, -10, 1) ^= "\1" }));
	$take->("$name: a stamp with its time changed",
	    qr/$of: the stamp's signature/,
	    $change->($of, sub { s/\x18(.)2026/\x18${1}2025/s or die }));
	$take->("$name: a stamp of another checkpoint",
	    qr/$of: the stamp is of something else/, sub {
		my ($dir) = @_;
		unlink grep { !/\Q$of\E$/ } glob "$dir/timestamp/*";
		$change->('checkpoint', sub {
			s/\n(\xe2\x80\x94 witness\S+w3 .*\n)/\n/ or die })->($dir);
	});
	$take->("$name: a stamp by another authority",
	    qr/$of: the stamp's signature/, $change->('policy', sub {
		s/^authority (?!$name )\S+ (\S+)\n//m or die;
		my $cert = $1;
		s/^(authority $name) \S+$/$1 $cert/m or die;
	}));
	$take->("$name: no stamp", qr/$of: it isn't a timestamp's answer/,
	    $change->($of, sub { $_ = 'no stamp' }));
}
$take->('a cosignature of another text', qr/isn't by its key, or isn't of this text/,
    $change->('checkpoint', sub {
	my ($line) = $seen_once =~ /^(.*\/w1 .*\n)/m;
	s/^.*\/w1 .*\n/$line/m;
    }));
system('rm', '-rf', "$v->{out}/timestamp");
is(both($v->{out})->{timestamps}, 0, 'without a stamp there is none');
};

# ---- Killed ----

section 'killed' => sub { SKIP: {
	skip 'strace can\'t trace here', 1
	    if system('strace -f -o /dev/null true 2>/dev/null');
	my $calls = 'trace=write,fsync,rename,unlink,mkdir,fchmod,socket,connect,sendto,recvfrom';
	my @trace = ('strace', '-f', '-qq', '-o', "$Dir/trace");
	modes();
	dirs_new();
	write_file("$Dir/clock", $end + $HOUR);
	$r = log_run();
	is("$r->{code} $r->{err}", '0 ', 'a log begins');
	save($_, "$_-first") for qw(site state seen);
	write_file("$Dir/clock", $end + 2 * $HOUR);
	$r = log_run(@trace, '-e', $calls);
	is($r->{code}, 0, 'an undisturbed run');
	my $want = checkpoint('site/checkpoint');
	my (%n, @points, %root, @wrong);
	for (split /\n/, read_file("$Dir/trace")) {
		push @points, [$1, ++$n{$1}] if /^\d+ +(\w+)\(/;
	}
	my $step = $ENV{WN_ALL} ? 1 : int(@points / 30) || 1;
	my $killed = 0;
	for (my $i = int($step / 2); $i < @points; $i += $step) {
		my ($call, $n) = @{ $points[$i] };
		save("$_-first", $_) for qw(site state seen);
		asked();
		$r = log_run(@trace, '-e', "trace=$call", '-e',
		    "inject=$call:signal=KILL:when=$n");
		$killed++ if $r->{code} ne '0';
		$r = log_run();
		push @wrong, "$call $n: $r->{code} $r->{err}"
		    if $r->{code} ne '0' ||
		    checkpoint('site/checkpoint') ne $want ||
		    cosigners() ne 'w1 w2 w3' || stamps() ne 't1 t2';
		push @wrong, "$call $n: a witness saw a fork" if asked() =~ / 422$/m;
	}
	cmp_ok($killed, '>', 10, "runs were killed at $killed of " . @points .
	    ' system calls');
	is("@wrong", '', 'the next run shows the same log with the word of all');
	is(verified()->{witnesses}, 3, 'which is verified');
} };
done_testing();
