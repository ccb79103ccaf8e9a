#!/usr/bin/perl
# What guide.sh does inside the root: the commands of doc/guide, typed one after
# the other as they stand there, up to a worker who was paid, a ledger that was
# lost and restored, and the next version of all of it. Prints "ok NAME" or "not ok NAME" lines.
#
# What is not as on a real machine: no systemd runs (systemctl.pl), certbot is a
# script that has a certificate already, the faucet is the local chain's, and a
# day of waiting is cut short by two lines of configuration.
use strict;
use warnings;

$| = 1;
$ENV{PATH} = '/root/bin:/usr/sbin:/usr/bin:/sbin:/bin';
$ENV{DEBIAN_FRONTEND} = 'noninteractive';
chdir('/root/debs') or die $!;

my $guide = do { local (@ARGV, $/) = ('/root/guide'); <> };
my %rig = map { split ' ', $_, 2 } split /\n/,
    do { local (@ARGV, $/) = ('/root/rig'); <> };
my $failed = 0;

sub ok {
	my ($ok, $name, $why) = @_;

	print $ok ? 'ok ' : 'not ok ', $name, "\n";
	print map { "# $_\n" } split /\n/, $why // '' if !$ok;
	$failed = 1 if !$ok;
	return $ok;
}

sub type {
	my ($line) = @_;
	# Who is asked says yes.
	my $text = qx{exec 2>&1; yes 2>/dev/null | ( $line )};

	return ($? >> 8, $text);
}

sub spurt {
	my ($path, $text) = @_;

	open(my $f, '>>', $path) or die "$path: $!";
	print $f $text;
	close $f or die $!;
}

sub wait_for {
	my ($test, $name) = @_;

	for (1 .. 120) {
		return ok(1, $name) if $test->();
		sleep 1;
	}
	return ok(0, $name, (type('tail -n 5 /var/log/worknet*.log'))[1]);
}

# What the guide leaves to whoever reads it.
sub filled {
	my ($line) = @_;

	$line =~ s/\bFACILITATOR\b/$rig{facilitator}/;
	$line =~ s/\bNODE-1\b/$rig{rpc}/;
	$line =~ s/\bNODE-2\b/$rig{rpcProxy}/;
	$line =~ s{\bFILE\b}{(sort glob '/var/backups/worknet/*.db')[-1]}e;
	return $line;
}

# ---- What follows some of its commands ----

my ($payee, $installed);
my @after = (
	[ qr/^apt-get install/, sub {
		if ($installed++) {
			# systemctl.pl is told of no upgrade.
			my ($code, $text) = type('systemctl stop worknet && ' .
			    'systemctl start worknet && worknet payout list ' .
			    '&& curl -sS https://worknet.example.org/api/health');
			ok($code == 0 && $text =~ /\Q$payee\E.*"ok"/s,
			    'the next version has what the other had', $text);
			return;
		}
		# Where systemd runs the packages do this. No day is waited.
		spurt('/etc/worknet/worknet.conf',
		    "\n[honesty]\nmaturity_new_ms = 0\n");
		type('sed -i s/^threshold_micros.*/threshold_micros=100/ ' .
		    '/etc/worknet/payout.conf');
		my ($code, $text) = type(
		    'systemctl start worknet.socket worknet.service');
		ok($code == 0, 'the coordinator starts', $text);
	} ],
	[ qr/^curl/, sub {
		my ($text) = @_;
		ok(scalar($text =~ /\{"status":"ok"\}/), 'it answers behind nginx',
		    $text);
	} ],
	[ qr/^systemctl enable --now worknet-worker/, sub {
		wait_for(sub { (type('worknet worker list --json'))[1] =~
		    /"owedMicros":\s*[1-9]/ }, 'a result is credited');
		($payee) = (type('worknet worker list'))[1] =~ /^(0x\w+)/m;
	} ],
	[ qr/--new-key \S*treasury/, sub {
		my ($address) = $_[0] =~ /(0x[0-9a-fA-F]{40})/;
		spurt('/root/faucet', $address // '');
		wait_for(sub { -e '/root/fauceted' }, 'the faucet sends');
	} ],
	[ qr/^worknet payout explain/, sub {
		my ($text) = @_;
		ok(defined $payee && $text =~ /\Q$payee\E/ &&
		    $text =~ /^state: +(?:posted|final)/m,
		    'and the worker is paid: the chain shows it', $text);
	} ],
	[ qr/--reconcile/, sub {
		my ($text) = @_;
		# Once its block is final, some seconds after it.
		wait_for(sub { $text =~ /the chain has it/ || (($text) =
		    (type('runuser -u worknet-payout -- worknet-payout ' .
		    '--reconcile'))[1]) && 0 },
		    'what the copy doesn\'t know is found on the chain');
	} ],
	[ qr/^systemctl start .*payout\.timer/, sub {
		ok((type('worknet payout list --json'))[1] !~
		    /"state":\s*"(?:reserved|signed|submitted)"/,
		    'and nobody is paid twice');
	} ],
);

# Those that say by a code what they found.
my %codes = ('worknet doctor' => qr/^[01]$/, 'worknet status --check' =>
    qr/^[0-2]$/, '--dry-run' => qr/^(?:0|4|10)$/,
    # 6: a person must look.
    '--reconcile' => qr/^(?:0|4|6|10)$/,
    'worknet check' => qr/^[01]$/);

my @sections = split /^(?=\d+\. .*\n---)/m, $guide =~ s/\\\n\s+/ /gr;
for my $section (@sections) {
	my ($number) = $section =~ /^(\d+)\. / or next;
	type('cp /root/next/* .') if $number == 10;
	next if $number == 8 || $number == 9; # another host, another treasury
	# What stands under an alert's name is a sentence.
	$section =~ s/^Worknet\w+\n(?: {4}.*\n)+//mg;
	for my $line ($section =~ /^ {4}(\S.*)$/mg) {
		next if $line =~ /prometheus/; # isn't installed here
		my $typed = filled($line);
		my ($code, $text) = type($typed);
		my ($say) = map { $codes{$_} } grep { index($line, $_) >= 0 }
		    sort keys %codes;
		ok(scalar($code =~ ($say // qr/^0$/)), "$number: $line",
		    "$code: $text");
		for (@after) {
			$_->[1]->($text) if $line =~ $_->[0];
		}
	}
}
# What the guide only tells of.
my ($code, $text) = type('apt-get purge worknet worknet-payout worknet-worker');
ok($code == 0 && $text =~ m{^worknet: /var/backups/worknet stays}m &&
    !-e '/var/lib/worknet', 'purged', $text);
exit $failed;
