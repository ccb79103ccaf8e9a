#!/usr/bin/perl
# Other opinions on what worknet-log publishes: Go's x/mod/sumdb, by which Go's own
# checksum database is read, takes the log, its exports and older checkpoints, and
# nothing that was changed since; and sigsum-witness cosigns it, and no fork of it.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex);
use File::Basename 'dirname';
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);
need_log('make_ledger');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

my $HOUR = 3600_000;
my $end = 1767247200_000;	# 2026-01-01 06:00

sub log_at { return run_at($_[0], program('worknet-log'), '-c', "$Dir/log.conf",
    '--idle') }
sub dirs_new {
	system('rm', '-rf', "$Dir/site", "$Dir/state");
	mkdir "$Dir/$_" or die $! for qw(site state);
}
sub vkey { return (read_file("$Dir/site/policy") =~ /^log (\S+)$/m)[0] }
sub size { return (split /\n/, read_file("$Dir/site/checkpoint"))[1] }

dirs_new();
log_conf();
is(AdminRun::run('', program('worknet-log'), '-c', "$Dir/log.conf", '--key',
    'new')->{code}, 0, 'a key is made');
# More than a bundle of leaves, and a tile above.
make_ledger("$Dir/ledger.db", '--tasks', 120, '--interval-ms', 1800000,
    '--results', 700, '--seed', 4, '--end-ms', $end);

# ---- Go's ----

my $go = "$Dir/third";
sub go {
	my ($vkey, $site, @files) = @_;
	my $r = AdminRun::run('', $go, $vkey, $site, @files);

	return $r->{code} eq '0' ? $r->{out} =~ s/\n//r : "no: $r->{err}";
}
SKIP: {
	skip "Go, or its x/mod, isn't installed", 1
	    if !-d '/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog' ||
	    system('go version >/dev/null 2>&1');
	local %ENV = (%ENV, GO111MODULE => 'off', GOPATH => '/usr/share/gocode',
	    GOCACHE => "$Dir/cache", GOFLAGS => '', CGO_ENABLED => 0);
	my $r = AdminRun::run('', 'go', 'build', '-o', $go, "$here/third.go");
	is("$r->{code}$r->{err}", '0', 'a verifier of Go\'s packages is built');

	is(go('worknet.example/log+bce304be+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx' .
	    '3chmQSVTG4', "$here/../vectors/evidence/site-300",
	    "$here/../vectors/evidence/site-300/proof42.tlog-proof"),
	    '300 0 1', 'it takes the vectors, as worknet does');

	my @older;
	for my $hour (-1 .. 4) {
		$r = log_at($end + $hour * $HOUR);
		die $r->{err} if $r->{code} ne '0';
		push @older, write_file("$Dir/older" . @older,
		    read_file("$Dir/site/checkpoint"));
	}
	my $vkey = vkey();
	my $size = size();
	cmp_ok($size, '>', 512, "a log of $size leaves");
	$r = worknet('-c', "$Dir/log.conf", 'export', '--task', 'task_00000',
	    '--from', $end - 12 * $HOUR, '--to', $end, "$Dir/export");
	is($r->{code}, 0, 'a task is exported') or diag $r->{err};
	my @proofs = glob "$Dir/export/leaf/*.tlog-proof";
	cmp_ok(scalar @proofs, '>', 5, '... with proofs');
	is(go($vkey, "$Dir/site", @older, @proofs),
	    join(' ', $size, scalar @older, scalar @proofs),
	    'it takes each entry, older checkpoint and proof');

	# Each changed in one place.
	sub changed {
		my ($what, $file, $says, @more) = @_;
		my $true = read_file($file);
		my $false = $true;

		substr($false, length($true) / 2, 1) ^= "\1";
		write_file($file, $false);
		like(go($vkey, "$Dir/site", @more), qr/^no: .*$says/,
		    "$what that was changed it refuses");
		write_file($file, $true);
	}
	changed('a tile', "$Dir/site/tile/0/000", 'inconsistent tile|entry \d+');
	my ($upper) = glob "$Dir/site/tile/1/000.p/" . int($size / 256);
	changed('a tile above', $upper, 'inconsistent tile');
	changed('a bundle', "$Dir/site/tile/entries/000", 'entry \d+|ends within');
	changed('a checkpoint', "$Dir/site/checkpoint", '.');
	changed('an older one', $older[1], '.', $older[1]);
	changed('a proof', $proofs[0], '.', $proofs[0]);

	# Another history, by the same key.
	rename "$Dir/site", "$Dir/site-first" or die $!;
	mkdir "$Dir/site" or die $!;
	dirs_new();
	log_at($end - 3 * $HOUR + 1);
	log_at($end + 3 * $HOUR + 1);
	like(go($vkey, "$Dir/site", $older[2]), qr/^no: .*older2/,
	    'nor does it take a history that doesn\'t continue another');
}

# ---- Sigsum's ----

sub ssh_key {
	my ($pub) = @_;
	return 'ssh-ed25519 ' . encode_base64(pack('N/aN/a', 'ssh-ed25519', $pub),
	    '') . " a key\n";
}
# What Debian calls a tool for tests; it cosigns one log, by a name of its own.
my ($witness) = grep { -x } map { "$_/sigsum-witness" } split /:/, $ENV{PATH};
my $served;
END {
	my $code = $?;
	kill 'TERM', $served if $served;
	waitpid $served, 0 if $served;
	$? = $code;
}
SKIP: {
	skip "sigsum-witness isn't installed", 1 if !$witness;
	(my $tool = $witness) =~ s/witness$/key/;
	my $der = AdminRun::run('', 'openssl', 'genpkey', '-algorithm', 'ed25519',
	    '-outform', 'DER')->{out};
	my $seed = substr $der, -32;
	write_file("$Dir/der", $der);
	my $pub = substr AdminRun::run('', 'openssl', 'pkey', '-inform', 'DER',
	    '-in', "$Dir/der", '-pubout', '-outform', 'DER')->{out}, -32;
	my $origin = 'sigsum.org/v1/tree/' . sha256_hex($pub);
	write_file("$Dir/log.key", "PRIVATE+KEY+$origin+" . sprintf('%s+%s',
	    substr(sha256_hex("$origin\n\1$pub"), 0, 8),
	    encode_base64("\1$seed", '')) . "\n");
	chmod 0600, "$Dir/log.key" or die $!;
	write_file("$Dir/log.pub", ssh_key($pub));
	AdminRun::run('', $tool, 'generate', '-o', "$Dir/w.key");
	my $hash = AdminRun::run('', $tool, 'to-hash', '-k', "$Dir/w.key.pub")
	    ->{out};
	chomp $hash;
	my $name = "sigsum.org/v1/witness/$hash";
	my $vkey = AdminRun::run('', $tool, 'to-vkey', '-k', "$Dir/w.key.pub",
	    '-n', $name, '-t', 'cosignature/v1')->{out};
	like($vkey, qr/^\Q$name\E\+/, 'it has a key') or last;
	chomp $vkey;
	my $port = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
	    ->sockport;
	$served = fork // die $!;
	if ($served == 0) {
		$ENV{GODEBUG} = 'httpmuxgo121=0';
		open STDOUT, '>', "$Dir/witness.log";
		open STDERR, '>&', \*STDOUT;
		exec $witness, '-k', "$Dir/w.key", '--log-key', "$Dir/log.pub",
		    '--state-file', "$Dir/w.state", "127.0.0.1:$port";
		exit 127;
	}
	my $tries = 0;
	select undef, undef, undef, 0.05 while $tries++ < 200 &&
	    !IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");

	log_conf("witnesses = $vkey http://127.0.0.1:$port\n");
	(my $text = read_file("$Dir/log.conf")) =~ s/^origin = .*/origin = $origin/m;
	write_file("$Dir/log.conf", $text);
	# It has no clock but this machine's. What isn't of an hour is logged at
	# once.
	dirs_new();
	unlink glob "$Dir/ledger.db*";
	my $now = int(time / 3600) * $HOUR - 2 * $HOUR;
	make_ledger("$Dir/ledger.db", '--tasks', 2, '--interval-ms', 600000,
	    '--results', 20, '--end-ms', $now);
	my @log = (program('worknet-log'), '-c', "$Dir/log.conf", '--idle');
	my ($r, %roots);
	for my $more ([], [qw(task pause task_00001)],
	    [qw(task resume task_00001)]) {
		is(worknet('-c', "$Dir/log.conf", @$more)->{code}, 0, "@$more")
		    if @$more;
		$r = AdminRun::run('', @log);
		is("$r->{code} $r->{err}", '0 ', 'it is asked, and cosigns');
		my $note = read_file("$Dir/site/checkpoint");
		like($note, qr/^\xe2\x80\x94 \Q$name\E \S+$/m,
		    '... which is shown');
		$roots{ size() } = $note;
	}
	is(scalar(keys %roots), 3, '... as the log grows');
	$r = worknet('-c', "$Dir/log.conf", 'export', '--task', 'task_00000',
	    '--from', $now - 3 * $HOUR, '--to', $now, "$Dir/cosigned");
	is($r->{code}, 0, 'a task is exported') or diag $r->{err};
	$r = worknet('verify', '--json', "$Dir/cosigned");
	is(eval { json_of($r)->{witnesses} }, 1, '... and verified with its word')
	    or diag $r->{err};
	dirs_new();
	$r = AdminRun::run('', @log);
	isnt($r->{code}, 0, 'another history it doesn\'t cosign');
	unlike(-e "$Dir/site/checkpoint" ? read_file("$Dir/site/checkpoint") : '',
	    qr/\Q$name\E/, '... so none is shown with its word');
}
done_testing();
