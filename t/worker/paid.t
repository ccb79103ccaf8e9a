#!/usr/bin/perl
# worknet-worker verify: a worker's own record beside the coordinator's log. Of
# a log that leaves out, changes or takes back what was paid it says so, of one
# that is only not so far yet it doesn't.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256 sha256_hex);
use File::Basename 'dirname';
use IO::Socket::INET;
use MIME::Base64 'encode_base64url';
use POSIX ();
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;


need_log('worknet-worker', 'make_ledger');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

my $HOUR = 3600_000;
my $end = 1780329600_000;	# 2026-06-01 16:00 UTC
my $conf = log_conf("[worker]\nrecord_file = record\n");
mkdir "$Dir/$_" or die $! for qw(site state);

sub log_at {
	my $r = run_at(shift, program('worknet-log'), '-c', $conf, '--idle');

	return "$r->{code} $r->{err}";
}

my $verify_at = $end + 4 * $HOUR;
sub verify {
	my (@args) = @_;

	@args = ('--policy', "$Dir/policy", "$Dir/site") if !@args;
	return run_at($verify_at, program('worknet-worker'), 'verify', '-c', $conf,
	    @args);
}

sub save { system("rm -rf $Dir/$_[1]; cp -a $Dir/$_[0] $Dir/$_[1]") == 0 or die }

# ---- A ledger that is logged to its middle, and then to its end ----

my @made = ('--tasks', 2, '--interval-ms', 300000, '--seed', 5,
    '--workers', 4, '--round-percent', 50);
make_ledger("$Dir/ledger.db", @made, '--results', 60,
    '--end-ms', $end - 3 * $HOUR);
is(AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new')
    ->{code}, 0, 'the log has a key');
is(log_at($end - 2.5 * $HOUR), '0 ', 'it is begun');
make_ledger("$Dir/ledger.db", @made, '--append', '--results', 40,
    '--checkpoint', "$Dir/site/checkpoint", '--end-ms', $end);
save($_, "$_-middle") for qw(site state);
is(log_at($end + 2.5 * $HOUR), '0 ', 'and goes on to the end');
save($_, "$_-end") for qw(site state);
write_file("$Dir/policy", read_file("$Dir/site/policy"));

# ---- What a worker has written of it ----

my ($worker) = sql_rows("$Dir/ledger.db", 'SELECT t.credit, w.address FROM ' .
    'result r JOIN transfer t ON t.id = r.transfer ' .
    'JOIN worker w ON w.id = t.credit GROUP BY 1 ORDER BY count(*) DESC, 1');
my ($ledger) = map { $_->[0] } sql_rows("$Dir/ledger.db",
    'SELECT ledger_id FROM ledger');
my @rows = sql_rows("$Dir/ledger.db", 'SELECT r.slot, k.name, ' .
    "r.timestamp_ms, r.success, coalesce(r.status, ''), r.response_ms, " .
    "coalesce(r.error, ''), coalesce(lower(hex(r.signature)), ''), r.anchor, " .
    'lower(hex(a.root)) FROM result r JOIN transfer t ON t.id = r.transfer ' .
    'JOIN task_version v ON v.id = r.version JOIN task k ON k.id = v.task ' .
    'JOIN anchor a ON a.size = r.anchor ' .
    "WHERE t.credit = $worker->[0] ORDER BY r.slot");
my @records = map {
	my ($slot, $task, $time, $success, $status, $ms, $error, $sig, $anchor,
	    $root) = @$_;
	my $head = qq({"worker":"$worker->[1]","said":"credited",);
	my $found = qq("timestamp":$time,"success":) .
	    ($success ? 'true' : 'false') . qq(,"responseTimeMs":$ms) .
	    ($status ne '' ? qq(,"statusCode":$status) : '') .
	    ($error ne '' ? qq(,"error":"$error") : '');
	$sig ne '' ?
	    qq($head"result":{"taskId":"$task","workerAddress":"$worker->[1]",) .
	    qq($found,"signature":"0x$sig"}}\n) :
	    qq($head"ledger":"$ledger","anchor":$anchor,"root":"0x$root",) .
	    qq("result":{"taskId":"$task","slot":$slot,$found,"hash":"0x00"}}\n)
} @rows;
my $n = @records;
write_file("$Dir/record", join '', @records);
my ($alone) = grep { $_->[7] ne '' && $_->[0] > 30 } @rows;
my ($round) = grep { $_->[7] eq '' && $_->[8] > 0 } @rows;
ok($alone && $round, 'of both schemes');

my $r = verify();
is("$r->{code} $r->{err}", '0 ', 'all of it is in the log');
like($r->{out}, qr/^$n results: $n in the log as they were sent, 0 different, 0 missing, 0 to come, 0 unclear$/m,
    'each result, as it was sent');
like($r->{out}, qr/^it was held to 1 checkpoints/m,
    'and the log continues what the worker was told of it');
like($r->{out}, qr/^all that was due is in the log$/m, 'which is said');
like($r->{out}, qr/by the keys of the policy that you gave$/m,
    'by whose key, too');
$r = verify("$Dir/site");
like("$r->{code} $r->{out}", qr/^0 .*its own policy, which nobody vouches for/s,
    'without a policy it is said that nobody vouches for the log');

# ---- Private tasks ----

# From its beginning the log has one of them by a label. What of it was signed
# alone names no checkpoint of the log that was.
{
	save($_, "$_-public") for qw(site state);
	system("rm -rf $Dir/site $Dir/state; mkdir $Dir/site $Dir/state") == 0
	    or die;
	rename "$Dir/ledger.db", "$Dir/true.db" or die $!;
	forge("$Dir/true.db", "$Dir/ledger.db", 'UPDATE task SET ' .
	    "salt = x'" . '5a' x 32 . "' WHERE id = 1;");
	is(log_at($end + 2.5 * $HOUR), '0 ', 'a task is private');
	my @own = grep { /"signature"/ } @records;
	my $hidden = grep { /"taskId":"task_00000"/ } @own;
	write_file("$Dir/record", join '', @own);
	$verify_at = $end + 48 * $HOUR;
	$r = verify();
	$verify_at = $end + 4 * $HOUR;
	is("$r->{code} $r->{err}", '0 ', 'the worker finds nothing amiss');
	like($r->{out}, qr/^$hidden of tasks that the log doesn't name/m,
	    'and is told how many results it can\'t see');
	like($r->{out}, qr/, 0 missing, /, '... which aren\'t missing');
	like($r->{out}, qr/nothing is proven of them/, '... nor proven');

	# What the coordinator says of a private task is kept with each result.
	my $salt = "\x5a" x 32;
	my $label = '~' . encode_base64url(sha256($salt . 'task_00000'));
	my %seal = map {
		my ($slot, $task, $time, $success, $status, $ms, $error, $sig) =
		    @$_;
		my $key = hmac_sha256(pack('Q>', $slot) .
		    pack('H*', substr $worker->[1], 2), $salt);
		my $line = qq({"worker":"\L$worker->[1]\E","outcome":"result",) .
		    qq("timestamp":$time,"success":) .
		    ($success ? 'true' : 'false') .
		    ($status ne '' ? qq(,"status":$status) : '') .
		    qq(,"ms":$ms) .
		    ($error ne '' ? qq(,"error":"$error") : '') . "}\n";
		("0x$sig" => sha256_hex($key . $line))
	} grep { $_->[1] eq 'task_00000' && $_->[7] ne '' } @rows;
	my @kept = map {
		my ($sig) = /"signature":"(\w+)"/;
		$seal{$sig} ? s/"result":/"label":"$label","seal":"0x$seal{$sig}",$&/r
		    : $_
	} @own;
	my $check = sub {
		write_file("$Dir/record", join '', @_);
		$verify_at = $end + 48 * $HOUR;
		my $r = verify();
		$verify_at = $end + 4 * $HOUR;
		return $r;
	};
	$r = $check->(@kept);
	is("$r->{code} $r->{err}", '0 ', 'with that it finds them');
	like($r->{out}, qr/^@{[ scalar @own ]} results: @{[ scalar @own ]} in the log as they were sent, .* 0 missing/m,
	    '... each of them, as it was sent');
	like($r->{out}, qr/^$hidden of those in the log are of private tasks: .*commits the log to what was sent$/m,
	    '... by their seals, which is said');
	unlike($r->{out}, qr/doesn't name/, '... and none is hidden');
	my ($mine) = grep { $kept[$_] =~ /seal/ } 0 .. $#kept;
	my @other = @kept;
	$other[$mine] =~ s/("seal":"0x.)./$1 . ($& =~ m{0$} ? 1 : 0)/e;
	$r = $check->(@other);
	is($r->{code}, 6, 'one that the log has otherwise is told');
	like($r->{out}, qr/has no seal of what was sent/, '... as what it is');
	@other = @kept;
	$other[$mine] =~ s/"label":"~./"label":"~_/;
	$other[$mine] =~ s/"label":"~_/"label":"~-/ if $other[$mine] eq $kept[$mine];
	$r = $check->(@other);
	is($r->{code}, 6, 'so is one of a task that the log doesn\'t have');
	like($r->{out}, qr/the log doesn't have its task/, '... as what it is');
	my ($file) = glob "$Dir/site/segment/*/*/*/*/~*.seals";
	write_file($file, 'x' x 64);
	$r = $check->(@kept);
	is($r->{code}, 6, 'seals that aren\'t those of the leaf are told');
	like($r->{out}, qr/seals: it isn't the one that was logged/,
	    '... as what they are');
	rename "$Dir/true.db", "$Dir/ledger.db" or die $!;
	write_file("$Dir/record", join '', @records);
	save("$_-public", $_) for qw(site state);
}

# ---- Another key takes over ----

{
	save($_, "$_-one") for qw(site state);
	write_file("$Dir/one.key", read_file("$Dir/log.key"));
	my $next = sub {
		my ($ms) = @_;
		my $r = run_at($ms, program('worknet-log'), '-c', $conf,
		    '--key', 'next');
		is($r->{code}, 0, 'another key takes over') or diag $r->{err};
		is(log_at($ms + $HOUR), '0 ', '... and signs alone');
	};
	$next->($end + 5 * $HOUR);
	$next->($end + 7 * $HOUR);
	$verify_at = $end + 9 * $HOUR;
	is(verify()->{code}, 0, 'whoever trusts the first key trusts the third');
	my ($first) = sort { $a <=> $b } map { m{/(\d+)\.tlog-proof$} }
	    glob "$Dir/site/key/*";
	my $proof = "$Dir/site/key/$first.tlog-proof";
	my $true = read_file($proof);
	unlink $proof or die $!;
	refused('a key that nobody shows', verify(),
	    qr/^the log's checkpoint: /m);
	write_file($proof, $true =~ s/^(\xe2\x80\x94 \S+ .{20})(.)/$1 .
	    ($2 eq 'A' ? 'B' : 'A')/emrg);
	refused('a key that the one before it didn\'t sign', verify(),
	    qr/^the log's checkpoint: /m);
	save("$_-one", $_) for qw(site state);
	write_file("$Dir/log.key", read_file("$Dir/one.key"));
	chmod 0600, "$Dir/log.key" or die $!;
	$verify_at = $end + 4 * $HOUR;
}

# ---- Logs of an operator who has the key ----

# The log's second half made anew, of a ledger in which that was changed.
sub forged {
	my ($sql, $at) = @_;

	save("$_-middle", $_) for qw(site state);
	rename "$Dir/ledger.db", "$Dir/true.db" or die $!;
	forge("$Dir/true.db", "$Dir/ledger.db", $sql, unchecked => 1);
	my $said = log_at($at // $end + 2.5 * $HOUR);
	unlink "$Dir/ledger.db";
	rename "$Dir/true.db", "$Dir/ledger.db" or die $!;
	die "worknet-log: $said" if $said !~ /^[06] /;
	return verify();
}

sub refused {
	my ($name, $r, $says) = @_;

	is($r->{code}, 6, "$name is found") or diag $r->{out} . $r->{err};
	like($r->{out}, $says, '... and told');
	like($r->{out}, qr/^the log isn't what this worker was paid for$/m,
	    '... as what it is') if $r->{out} =~ /^log: /m;
}

my $late = $end - 2 * $HOUR;
my ($alone_late) = grep { $_->[7] ne '' && $_->[2] > $late } @rows;
my ($round_late) = grep { $_->[7] eq '' && $_->[2] > $late } @rows;
my $named = sub { my ($x) = @_; qr/^task $x->[1], \d{8}T\d{6}Z\Q$_[1]\E: /m };
for my $case ([ 'alone', $alone_late, '' ],
    [ 'in a round', $round_late, ", slot $round_late->[0]" ]) {
	my ($how, $x, $slot) = @$case;
	my $at = $named->($x, $slot);
	my $set = sub { "UPDATE result SET $_[0] WHERE slot = $x->[0];" };

	refused("a result signed $how that is left out",
	    forged("DELETE FROM result WHERE slot = $x->[0];"),
	    qr/${at}it was credited, and isn't in the log$/m);
	refused("one signed $how with another time",
	    forged($set->('timestamp_ms = timestamp_ms + 1')),
	    qr/${at}its time is \d+ in the log, and was $x->[2]$/m);
	refused("one signed $how with another success",
	    forged($set->('success = 1 - success')),
	    qr/${at}its success is \d in the log, and was \d$/m);
	refused("one signed $how with another status",
	    forged($set->('status = 418')),
	    qr/${at}its status is 418 in the log, and was -?\d+$/m);
	refused("one signed $how with another duration",
	    forged($set->('response_ms = response_ms + 1')),
	    qr/${at}its duration is \d+ in the log, and was \d+$/m);
	refused("one signed $how with another error",
	    forged($set->("error = 'moved away'")),
	    qr/${at}its error is another one in the log$/m);
}
refused('one whose slot was missed, says the log', forged(
    "INSERT INTO assignment SELECT t.credit, k.name, r.slot, r.version, " .
    'v.reward_micros, r.cycle_ms, r.copy, r.assigned_ms, 0, ' .
    "'203.0.113.0/24', 0, v.type, v.expected_status, v.timeout_ms, 0, 0 FROM " .
    'result r JOIN transfer t ON t.id = r.transfer JOIN task_version v ON ' .
    "v.id = r.version JOIN task k ON k.id = v.task WHERE r.slot = " .
    "$round_late->[0]; DELETE FROM result WHERE slot = $round_late->[0];"),
    qr/, slot $round_late->[0]: the log says "missed" of it$/m);
refused('one that is somebody else\'s in the log', forged(
    'UPDATE transfer SET credit = (SELECT max(id) FROM worker WHERE id <> ' .
    "$worker->[0]) WHERE id = (SELECT transfer FROM result WHERE slot = " .
    "$round_late->[0]);"), qr/, slot $round_late->[0]: the log has it as 0x\w+'s$/m);
refused('one that says more than was signed', forged("UPDATE result SET " .
    "trace = 'cf-ray:1' WHERE slot = $round_late->[0];"),
    qr/, slot $round_late->[0]: it isn't what was signed: /);
# ---- Drills, which are told when their day's key is ----

my $day = int(($end - 1) / (24 * $HOUR));
my $key = sha256('the key of that day');
my $promise = 'INSERT INTO drill_key (day, hash, committed_ms) VALUES ' .
    "($day, x'" . sha256_hex($key) . "', 1);";
my $is_drill = $promise . 'UPDATE result SET copy = (SELECT copies FROM ' .
    "task_version v WHERE v.id = version) WHERE slot = $round_late->[0]; " .
    'INSERT INTO drill (slot, worker, assigned_ms, wanted) SELECT r.slot, ' .
    't.credit, r.assigned_ms, 200 FROM result r JOIN transfer t ' .
    "ON t.id = r.transfer WHERE r.slot = $round_late->[0];";
my $told = "UPDATE drill_key SET key = x'" . unpack('H*', $key) . "';";
my $over = ($day + 1) * 24 * $HOUR;
my $one_less = $n - 1;
$r = forged($is_drill);
like("$r->{code} $r->{out}", qr/^0 .*$one_less in the log .* 1 to come/s,
    'what may have been a drill is to come');
$verify_at = $end + 50 * $HOUR;
refused('a drill that is never told', verify(), qr/, slot $round_late->[0]: it was credited, and isn't in the log$/m);
$verify_at = $end + 4 * $HOUR;
$r = forged($is_drill . $told, $over);
like("$r->{code} $r->{out}", qr/^0 .*$n in the log/s, 'a drill that is told is there');
refused('a drill that is left out of its day',
    forged("$is_drill $told DELETE FROM result WHERE slot = $round_late->[0];",
    $over),
    qr/, slot $round_late->[0]: it was credited, and isn't in the log$/m);
refused('a drill whose answer is another one', forged("$is_drill $told UPDATE " .
    "result SET status = 418 WHERE slot = $round_late->[0];", $over),
    qr/, slot $round_late->[0]: its status is 418 in the log/m);

# From its first leaf on.
system('rm', '-rf', "$Dir/site-middle", "$Dir/state-middle");
mkdir "$Dir/$_-middle" or die $! for qw(site state);
my ($early) = grep { $_->[7] ne '' && $_->[2] < $end - 4 * $HOUR } @rows;
refused('a log made anew', forged("DELETE FROM result WHERE slot = " .
    "$early->[0];"), qr/the log was written anew: slot \d+ named a checkpoint of \d+ leaves that it doesn't continue/);

# ---- Files that aren't what was signed ----

sub with_site {
	my ($change) = @_;

	save('site-end', 'site');
	$change->();
	return verify();
}
my ($segment) = grep { read_file($_) =~ /"slot":$round->[0],/ }
    glob "$Dir/site-end/segment/*/*/*/*/$round->[1].ndjson";
$segment =~ s/site-end/site/;
refused('a file that was changed', with_site(sub {
	write_file($segment, read_file($segment) =~
	    s/("slot":$round->[0],.*?"ms":)\d+/${1}7/r);
}), qr/^segment\S+: it isn't the one that was logged$/m);
refused('a file that is gone', with_site(sub { unlink $segment or die $! }),
    qr/^segment\S+: .*No such file/m);
# The bundle of entries may say what it likes: its hashes are in the tree.
refused('an entry that isn\'t in the tree', with_site(sub {
	my ($bundle) = glob "$Dir/site/tile/entries/000.p/*";
	my @all = glob "$Dir/site/tile/entries/000.p/*";
	for my $b (@all) {
		write_file($b, read_file($b) =~ s/"results":(\d)/'"results":' .
		    ($1 ^ 1)/ger);
	}
}), qr/^leaf \d+: .*doesn't lead from leaf \d+ to the root/m);
$r = with_site(sub {
	for my $tile (glob "$Dir/site/tile/0/000.p/*") {
		write_file($tile, read_file($tile) . 'x' x 32);
	}
});
isnt($r->{code}, 0, 'a tile longer than its width is refused');
like($r->{out} . $r->{err}, qr/tile 0 of level 0 has \d+ bytes, expected \d+/,
    '... which is said');
# Each of them verifies alone, and both lie in one log.
SKIP: {
	my $node = $ENV{NODE} || 'node';
	skip 'no node', 9 if system("$node --version >/dev/null 2>&1");
	my ($bundle) = sort { length $b <=> length $a } map { read_file($_) }
	    glob "$Dir/site-end/tile/entries/000.p/*";
	my @of = $bundle =~ /(\{"type":"worknet\/segment\/v1","task":"$round->[1]",.*?\})/g;
	my ($task) = $bundle =~ /(\{"type":"worknet\/task\/v1","task":"$round->[1]",.*?\})/;
	for my $case ([ 'an hour that is told again', 'an hour', $of[0] ],
	    [ 'an hour by another definition', q(an hour's definition), $of[-1] =~
		s/"definition":\d+/"definition":0/r ],
	    [ 'a definition that is told again', 'a definition', $task ]) {
		my ($name, $what, $entry) = @$case;
		refused($name, with_site(sub {
			my $r = AdminRun::run('', $node, dirname(__FILE__) .
			    '/../evidence/append.mjs', "$Dir/site",
			    "$Dir/log.key", $entry);
			die $r->{err} if $r->{code} != 0;
		}), qr/^the log has two histories of task $round->[1]: leaf \d+, $what, doesn't go on from leaf \d+$/m);
	}
}
refused('a log signed by another key', with_site(sub {
	write_file("$Dir/site/checkpoint", read_file("$Dir/site/checkpoint") =~
	    s/^(\xe2\x80\x94 \S+ .{20})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/emr);
}), qr/^the log's checkpoint: /m);
{
	write_file("$Dir/true-policy", read_file("$Dir/policy"));
	write_file("$Dir/policy", "log example.com/foo+530d903a+" .
	    "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n");
	refused('a log that isn\'t that of the policy', with_site(sub { }),
	    qr/^the log's checkpoint: /m);
	write_file("$Dir/policy", read_file("$Dir/true-policy"));
}

# ---- A log that isn't so far, and one that was further ----

save('site-end', 'site');
# One more result, of an hour that isn't over, or was long ago.
write_file("$Dir/record", join '', @records,
    $records[0] =~ s/"timestamp":\d+/'"timestamp":' . ($end + 3 * $HOUR)/er =~
    s/"slot":\d+/"slot":900000/r =~ s/"signature":"0x../"signature":"0xee/r);
$r = verify();
like("$r->{code} $r->{out}", qr/^0 .*, 0 missing, 1 to come/s,
    'what was paid a while ago may be logged later');
$verify_at = $end + 48 * $HOUR;
refused('what isn\'t logged two days later', verify(),
    qr/it was credited, and the log's hours end before it$/m);
write_file("$Dir/record", join('', @records) . $records[0] =~
    s/"taskId":"\w+"/"taskId":"task_nobodys"/r =~
    s/"slot":\d+/"slot":900000/r =~ s/"signature":"0x../"signature":"0xee/r);
refused('what the log never has', verify(),
    qr/it was credited, and the log doesn't have its task$/m);
$verify_at = $end + 4 * $HOUR;

save('site-end', 'site');
write_file("$Dir/record", join '', map {
	s/"anchor":\d+/"anchor":9999/r } @records);
refused('a log that is older than what the worker was told', verify(),
    qr/the log is older than it was: slot \d+ named its checkpoint of 9999 leaves/m);
write_file("$Dir/record", join '', map {
	s/"anchor":0/"anchor":$round->[8]/r } @records);
refused('a worker who was told two logs', verify(),
    qr/the log is forked: slot \d+ named another checkpoint of \d+ leaves/m);

# ---- A log at a URL ----

write_file("$Dir/record", join '', @records);
save('site-end', 'site');
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8)
    or die "socket: $!";
my $url = 'http://127.0.0.1:' . $listener->sockport . '/evidence';
write_file("$Dir/asked", '');
my $server = fork // die "fork: $!";
if ($server == 0) {
	$SIG{ALRM} = 'DEFAULT';
	alarm 300;
	while (my $s = $listener->accept) {
		my ($name) = (<$s> // '') =~ m{^GET /evidence/(\S+) } or next;
		1 while ($_ = <$s> // '') =~ /\S/;
		open my $f, '>>', "$Dir/asked";
		print $f "$name\n";
		close $f;
		my $is = -f "$Dir/site/$name" ? '200 OK' : -e "$Dir/broken" ?
		    '500 Broken' : '404 Not Found';
		my $body = -f "$Dir/site/$name" ? read_file("$Dir/site/$name") : '';
		print $s "HTTP/1.1 $is\r\nConnection: close\r\nContent-Length: " .
		    length($body) . "\r\n\r\n$body";
		close $s;
	}
	POSIX::_exit(0);
}
close $listener;
END { kill 'KILL', $server if $server }
sub asked { my @a = split /\n/, read_file("$Dir/asked");
	write_file("$Dir/asked", ''); return @a }

my @there = ('--policy', "$Dir/policy", '--copy', "$Dir/copy", $url);
is(verify(@there[0, 1], $url)->{code}, 1, 'a URL needs a place for its files');
$r = verify(@there);
like("$r->{code} $r->{err}$r->{out}", qr/^0 .*, 0 different, 0 missing/s,
    'a log that a web server shows is copied and compared');
cmp_ok(scalar(asked()), '>', 5, 'its files are fetched');
is(verify(@there)->{code}, 0, 'and again');
is_deeply([ asked() ], [ 'checkpoint' ], 'what never changes is fetched once');
unlink $segment;
system('rm', '-rf', "$Dir/copy");
refused('a file that the server doesn\'t have', verify(@there),
    qr/^segment\S+: .*got status 404/m);
system('rm', '-rf', "$Dir/copy");
write_file("$Dir/broken", '');
$r = verify(@there);
like("$r->{code} $r->{err}", qr/^1 .*got status 500/,
    'a server in trouble is no log that lacks something');
kill 'KILL', $server;
waitpid $server, 0;
$server = 0;
is(verify(@there)->{code}, 1, 'nor is one that is away');
save('site-end', 'site');

# ---- The record itself ----

write_file("$Dir/record", join('', @records) . substr($records[0], 0, 50) .
    "\nnot JSON\n");
$r = verify();
like("$r->{code} $r->{out}", qr/^0 2 lines of the record can't be read$/m,
    'lines that a full disk cut are told, and the others compared');
write_file("$Dir/record", join '', map { s/credited/unclear/r =~
    s/"signature":"0x../"signature":"0xee/r } @records);
$r = verify();
like("$r->{code} $r->{out}", qr/^0 .*, 0 missing, 0 to come, [1-9]\d* unclear$/ms,
    'what was perhaps credited isn\'t missing');
write_file("$Dir/record", '');
$r = verify();
is($r->{code}, 1, 'nothing proves nothing');
unlink "$Dir/record";
is(verify()->{code}, 1, 'and no record less');
done_testing();
