#!/usr/bin/perl
# worknet-log --upload: what it puts into an object store, that it never puts
# anything over something else, and that it goes on after whatever went wrong.
# The store, t/evidence/store.mjs, verifies each request by itself.
use strict;
use warnings;
use Digest::SHA 'sha256';
use Fcntl ':flock';
use File::Basename 'dirname';
use JSON::PP;
use MIME::Base64;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);
my $node = $ENV{NODE} || 'node';

need_log('make_ledger');
plan skip_all => "zstd isn't installed" if system('zstd -qV >/dev/null 2>&1');
plan skip_all => "node isn't installed"
    if system("$node --version >/dev/null 2>&1");
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 600;

my $HOUR = 3600_000;
# The ledger's last hour ends then: 2026-01-01 06:00.
my $end = 1767247200_000;
my ($id, $secret) = ('AKIDWORKNET:1', 'a/secret+key=of/the%20store');
my $said = '';	# by all runs

# ---- The store ----

my $port = store_start($node, "$here/store.mjs");
my %store = (kind => 's3', id => $id, secret => $secret, region => 'eu-x1',
    bucket => 'results');
sub store_is {
	write_file("$Dir/store/control.json", encode_json({ %store, @_,
	    turn => ++$store{turn} }));
}
# Requests since the last call: "PUT NAME STATUS", in their order.
my $told = 0;
sub requests {
	my @all = -e "$Dir/store/journal"
	    ? split /\n/, read_file("$Dir/store/journal") : ();
	my @new = @all[$told .. $#all];
	$told = @all;
	return @new;
}
sub object_file {
	my ($name) = @_;
	$name =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
	return "$Dir/store/objects/$name";
}
sub store_empty { unlink glob "$Dir/store/objects/*"; requests() }
# Of all objects, names and contents.
sub objects {
	return { map { $_ => read_file($_) } glob "$Dir/store/objects/*" };
}

# ---- The log ----

my $conf = "$Dir/log.conf";
sub conf_is {
	my %o = (kind => 's3', endpoint => "http://127.0.0.1:$port",
	    bucket => 'results', region => 'eu-x1', key_file => 'upload.key',
	    state_directory => 'upload', retry_ms => 1, timeout_ms => 5000, @_);
	log_conf(join('', "[upload]\n", map { "$_ = $o{$_}\n" } sort keys %o));
}
sub at {
	my ($ms, @command) = @_;
	my $r = run_at($ms, @command);
	die "$command[0]: $r->{err}" if $r->{code} ne '0';
}
sub upload {
	my @before = ref $_[0] ? @{ shift() } : ();
	my $r = AdminRun::run('', @before, program('worknet-log'), '-c', $conf,
	    '--upload', @_);
	$said .= $r->{err} . $r->{out};
	return $r;
}
sub state_file { return read_file("$Dir/upload/uploaded") }
sub forget { unlink "$Dir/upload/uploaded" }

mkdir "$Dir/$_" or die $! for qw(site state upload);
write_file("$Dir/upload.key", "$id\n$secret\n");
chmod 0600, "$Dir/upload.key";
conf_is();
store_is();
make_ledger("$Dir/ledger.db", '--tasks', 2, '--interval-ms', 120000,
    '--copies', 2, '--results', 500, '--seed', 3, '--silent-percent', 20,
    '--end-ms', $end - $HOUR);
at($end - $HOUR, program('worknet'), '-c', $conf, 'task', 'add', 'a:b_c.d-e',
    '--url', 'https://worknet.example/', '--interval', '10m');
# Most of its hours have no line.
at($end - $HOUR, program('worknet'), '-c', $conf, 'task', 'add', 'rare',
    '--url', 'https://worknet.example/', '--interval', '2h');
is(upload()->{code}, 1, 'without a log there is nothing to upload');
is(AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new')
    ->{code}, 0, 'a log has a key');
at($end + $HOUR, program('worknet-log'), '-c', $conf, '--idle');
# Objects, and the files that they are of.
my %want;
sub log_at {
	at($_[0], program('worknet-log'), '-c', $conf, '--idle');
	%want = ();
	for (glob "$Dir/site/segment/*/*/*/*/*.ndjson") {
		my ($day, $rest) = m{^$Dir/site/segment/(\d+/\d+/\d+)/(\d+/.*)$}
		    or die $_;
		my $name = 'worker-results/' . $day =~ s{/}{-}gr . "/$rest";
		$want{"$name.zst"} = $_;
		$want{"$name.tlog-proof"} = "$_.tlog-proof";
	}
	return keys(%want) / 2;
}
cmp_ok(log_at($end + $HOUR), '>', 8, 'and segments');

# What is in the store is what is in the log; "" if so.
sub differs {
	my @wrong = grep { !-e object_file($_) } sort keys %want;
	return "missing: @wrong" if @wrong;
	for my $name (sort keys %want) {
		my $file = object_file($name);
		my $r = $name =~ /zst$/ ? AdminRun::run('', 'zstd', '-dc', $file)
		    : { out => read_file($file), code => 0 };
		push @wrong, $name if $r->{code} ne '0' ||
		    $r->{out} ne read_file($want{$name});
	}
	my $n = () = glob "$Dir/store/objects/*";
	push @wrong, "$n objects" if $n != keys %want;
	push @wrong, 'something was written over'
	    if read_file("$Dir/store/journal") =~ /^OVERWRITTEN/m;
	return "@wrong";
}

# ---- The verifier itself ----

my $v = `$node $here/store.mjs --vectors $here/../vectors/sigv4-s3.json`;
is($v, "3 requests\n",
    'the store verifies the signatures of Amazon\'s own documents');

# A proof file with another hash in its path, and the root that follows from it
# (RFC 9162, 2.1.3.2): whoever has no other word of the root takes it.
sub forged {
	my ($head, $path, $note) = $_[0] =~ /\A(.*?^index \d+\n)(.*?)\n\n(.*)\z/ms;
	my ($extra, $index) = $head =~ /^extra (\S+)\nindex (\d+)/m;
	my ($size) = $note =~ /\A.*\n(\d+)\n/;
	my @path = map { decode_base64($_) } split /\n/, $path;
	my $root = sha256("\0" . decode_base64($extra));
	my ($fn, $sn) = ($index, $size - 1);

	$path[0] = sha256('another');
	for my $p (@path) {
		if ($fn & 1 || $fn == $sn) {
			$root = sha256("\1$p$root");
			while (!($fn & 1) && $fn) { $fn >>= 1; $sn >>= 1 }
		} else {
			$root = sha256("\1$root$p");
		}
		$fn >>= 1;
		$sn >>= 1;
	}
	$note =~ s/\A(.*\n\d+\n).*/$1 . encode_base64($root, '')/e;
	return $head . join('', map { encode_base64($_, '') . "\n" } @path) .
	    "\n$note";
}

# ---- A new store ----

is(join(' ', @{ upload('-t') }{qw(code err)}), '0 ', 'the configuration will do');
is(scalar(requests()), 0, 'which takes no request');
my $r = upload();
is("$r->{code} $r->{err}", '0 ', 'a new store gets everything, and nothing is said');
is(differs(), '', 'each segment, packed with zstd, and its proof');
my @asked = requests();
is(scalar(@asked), scalar(keys %want), 'by a request for each object');
is(scalar(grep { !/^PUT \S+ 200$/ } @asked), 0, 'all of which make one');
my %seen;
my @late = grep { $seen{$_}++; /^PUT (.*)\.tlog-proof/ && !$seen{"PUT $1.zst 200"} } @asked;
is("@late", '', 'no proof before its segment');
my @hours = map { m{/(\d+-\d+-\d+/\d+)/.*\.zst} ? $1 : () } @asked;
my ($newest) = reverse sort @hours[0 .. 7];
is(scalar(grep { $_ lt $newest } @hours[8 .. $#hours]), 0,
    'the oldest hours first, some at once');
ok(scalar(grep { m{/a:b_c\.d-e\.ndjson} } @asked), 'also of a name with a colon');
$r = upload('-v');
like("$r->{code} $r->{err}", qr/^0 .*0 objects are new in the store, 0 were/s,
    'a second run has nothing to do');
is(scalar(requests()), 0, 'and asks nothing');

# ---- What is there already ----

my $before = objects();
forget();
is(upload()->{code}, 0, 'whoever has lost what it knew asks again');
@asked = requests();
is(scalar(grep { / 412 / } @asked), scalar(keys %want),
    'and is told that each is there');
is(scalar(grep { /^GET .* 200$/ } @asked), scalar(keys %want),
    'which it reads, and compares');
is_deeply(objects(), $before, 'nothing has changed');
my ($one) = grep { /task_00001.*zst$/ } sort keys %want;
AdminRun::run('', 'zstd', '-19', '-qf', $want{$one}, '-o',
    object_file($one));
is(upload('--all')->{code}, 0, 'the same, packed otherwise, is the same');
requests();
# A newer checkpoint's proof of the same leaf.
my ($proof) = grep { /task_00001.*tlog-proof$/ } sort keys %want;
my $kept = read_file(object_file($proof));
log_at($end + 3 * $HOUR);
at($end + 3 * $HOUR, program('worknet'), '-c', $conf, 'export', '--task',
    'task_00001', '--from', $end - 12 * $HOUR, '--to', $end + $HOUR,
    "$Dir/export");
my ($newer) = grep { read_file($_) =~ /^extra (\S+)/m &&
    $kept =~ /^extra \Q$1\E$/m } glob "$Dir/export/leaf/*";
ok(defined $newer && read_file($newer) ne $kept, 'a leaf has two proofs');
write_file(object_file($proof), read_file($newer // $Dir));
is(upload('--all')->{code}, 0, 'a proof by a newer checkpoint is as good');
write_file(object_file($proof), read_file($newer // $Dir) =~ s/^index \d+/index 1/mr);
is(upload()->{code}, 0, '(which isn\'t asked for twice)');
is(upload('--all')->{code}, 6, 'one of another leaf isn\'t');
write_file(object_file($proof), forged($kept));
is(upload()->{code}, 6, 'nor one of this leaf in another log\'s tree');
unlink object_file($proof);
is(upload()->{code}, 0, 'once that is gone, it is made again');
is(read_file(object_file($proof)), $kept, 'as it was');

write_file("$Dir/other", "something else\n");
AdminRun::run('', 'zstd', '-qf', "$Dir/other", '-o', object_file($one));
my $other = read_file(object_file($one));
store_is();
forget();
$r = upload();
is($r->{code}, 6, 'another object of that name is a finding');
like($r->{err}, qr{leaf \d+: the store has another worker-results/\S+\.zst already, which stays},
    'which names it');
is(read_file(object_file($one)), $other, 'and it stays');
like(state_file(), qr/^left \d+\n\z/m, 'one is left');
requests();
is(upload()->{code}, 6, 'it stays one in the next run');
is(join("\n", requests()), "PUT $one 412 PreconditionFailed\nGET $one 200", 'which asks for it alone');
like($r->{err}, qr/1 leaves of the log are still to be uploaded: the oldest hour of them ended 2026/,
    'and says what isn\'t there');
write_file(object_file($one), '');
is(upload()->{code}, 6, 'so is an empty one');
write_file(object_file($one), 'x' x 2_000_000);
is(upload()->{code}, 6, 'and one that never ends');
unlink object_file($one);
is(upload()->{code}, 0, 'until somebody takes it away');
is($said !~ /\Q$secret\E|\Q$id\E/, 1, 'the key is in no message');

# ---- Trouble that passes ----

for (
	[PUT => '500', 'an error of the store'],
	[PUT => '503', 'a store that is busy'],
	[PUT => '429', 'too many requests'],
	[PUT => '409', 'a conflict'],
	[PUT => 'reset', 'a connection that breaks'],
	[BODY => 'reset', 'one that breaks in the middle'],
	[PUT => 'etag', 'a wrong ETag'],
	[PUT => 'lost', 'an answer that is lost'],
	[PUT => 'hang', 'a store that is silent'],
) {
	my ($on, $do, $what) = @$_;
	store_empty();
	forget();
	conf_is(timeout_ms => 700) if $do eq 'hang';
	store_is(faults => [{ on => $on, do => $do, times => 2 }]);
	$r = upload();
	is("$r->{code} $r->{err}" . differs(), '0 ', "$what is gone around");
}
conf_is();
forget();
store_is(faults => [{ on => 'GET', do => 'half', times => 2 }]);
is(upload()->{code}, 0, 'so is half of an object that is there');

# ---- Trouble that stays for now ----

store_empty();
forget();
my ($last) = reverse sort grep { /zst$/ } keys %want;
store_is(faults => [{ on => 'PUT', match => quotemeta $last, do => '500' }]);
$r = upload();
is($r->{code}, 4, 'a store that goes on failing is for the next run');
like($r->{err}, qr{PUT \Q$last\E: 500 InternalError, 6 times}, 'which is told');
like($r->{err}, qr/\d+ leaves of the log are still to be uploaded: the oldest hour of them ended 2026/,
    'with what is behind');
ok(-e object_file((sort grep { /zst$/ } keys %want)[0]), 'what came before is there');
requests();
store_is();
is(upload()->{code}, 0, 'the next run goes on');
cmp_ok(scalar(requests()), '<=', 2 * 8 + 8, 'from there');
is(differs(), '', 'to the end');
store_empty();
forget();
conf_is(endpoint => 'http://127.0.0.1:1');
$r = upload();
is($r->{code}, 4, 'so is one that isn\'t there');
like($r->{err}, qr/still to be uploaded/, 'which is told, too');
conf_is();

my $tells = sub {
	my ($check) = grep { $_->{check} eq 'upload' }
	    @{ json_of(worknet('-c', $conf, 'doctor', '--json'))->{checks} };
	my ($metric) = worknet('-c', $conf, 'metrics')->{out} =~
	    /^worknet_upload_oldest_timestamp_seconds (\d+)\./m;
	my $status = worknet('-c', $conf, 'status')->{out};
	return ($check->{ok} ? 'well' : 'ill') . ": $check->{detail} $metric" .
	    ($status =~ /the object store is behind the log/ ? ' told' : '');
};
store_empty();
forget();
my ($first) = sort map { /T|(\d{4}-\d\d-\d\d)\/(\d\d)/ ? "$1T$2" : () } grep { /zst$/ } keys %want;
my ($oldest) = AdminRun::run('', 'date', '-ud', "${first}:00Z +1 hour", '+%s')->{out} =~ /(\d+)/;
like($tells->(), qr/^ill: the oldest hour that the object store hasn't ended \d+ minutes ago: journalctl .* $oldest told$/,
    'doctor, metrics and status tell how far a store is behind');
upload();
is($tells->(), 'well: the object store has the whole log 0', 'and that it isn\'t');
rename "$Dir/site/checkpoint", "$Dir/away" or die $!;
like($tells->(), qr/^ill: .*checkpoint: No such file or directory 0 told$/,
    'or that nobody knows');
rename "$Dir/away", "$Dir/site/checkpoint" or die $!;

# ---- Trouble that a person must end ----

for (
	['another secret', { secret => 'x' }, {}, qr/403 SignatureDoesNotMatch: the secret in key_file/],
	['an id that it doesn\'t know', { id => 'x' }, {}, qr/403 InvalidAccessKeyId/],
	['a clock that is wrong', { skew_ms => 20 * 60_000 }, {},
	    qr/403 RequestTimeTooSkewed: this host's clock, or the store's, is wrong/],
	['a redirect', { faults => [{ on => 'PUT', do => 'redirect' }] }, {},
	    qr{307 : it redirects to http://127.0.0.1:\d+, and isn't followed}],
	['a key without rights', { faults => [{ on => 'PUT', do => '403' }] }, {},
	    qr/403 AccessDenied: the key may not do this/],
	['another bucket', { bucket => 'y' }, {}, qr/404 NoSuchBucket: there is no such bucket/],
	['another region', { region => 'y' }, {}, qr/400 AuthorizationHeaderMalformed: the store doesn't/],
	['a store that can\'t refuse to overwrite', { kind => 'swift' }, {},
	    qr/501 NotImplemented: .*kind = swift asks before/],
	['no kind', {}, { kind => 'tape' }, qr/kind: got "tape", expected one of s3, gcs, swift/],
	['a plain connection', {}, { endpoint => 'http://192.0.2.1' }, qr/\[upload\] endpoint: /],
	['a path', {}, { endpoint => "http://127.0.0.1:$port/x" }, qr/without a path/],
	['a bucket of two', {}, { bucket => 'a/b' }, qr/bucket and region: expected letters/],
) {
	my ($what, $store, $own, $words) = @$_;
	store_empty();
	forget();
	conf_is(%$own);
	store_is(%$store);
	$r = upload();
	is($r->{code}, 1, "$what is the operator's");
	like($r->{err}, $words, 'who is told');
	@asked = requests();
	ok(@asked <= 8, 'nothing is asked again') or diag "@asked";
	is(scalar(grep { /elsewhere/ } @asked), 0, 'nor elsewhere');
	ok(!glob("$Dir/store/objects/*"), 'nothing is made');
}
conf_is();
store_is();
chmod 0640, "$Dir/upload.key";
like(upload()->{err}, qr/upload\.key: mode is 0640, expected 0600/,
    'a key that others can read isn\'t used');
chmod 0600, "$Dir/upload.key";
write_file("$Dir/upload.key", "$id $secret\n");
like(upload()->{err}, qr/upload\.key: expected two lines/,
    'nor one that is written otherwise');
write_file("$Dir/upload.key", "$id\n$secret\n");
is(scalar(requests()), 0, 'and nothing is asked');

# ---- This side ----

my $text = read_file($want{$one});
write_file($want{$one}, "$text ");
is(upload()->{code}, 6, 'a file that is longer than its leaf says is a finding');
write_file($want{$one}, $text =~ s/"slot":(\d)/'"slot":' . (9 - $1)/er);
$r = upload();
is($r->{code}, 6, 'so is one that has something else');
like($r->{err}, qr/isn't what its leaf says, and isn't uploaded/, 'which says so');
ok(!-e object_file($one), 'and isn\'t uploaded');
write_file($want{$one}, $text);
is(upload()->{code}, 0, 'once it is back, it is');
is(differs(), '', 'as all others were');
requests();

open my $lock, '>>', "$Dir/upload/lock" or die $!;
flock $lock, LOCK_EX or die $!;
$r = upload();
is($r->{code}, 3, 'a second one at once does nothing');
close $lock;
write_file("$Dir/upload/uploaded", state_file() =~ s/^next \d+/next 99999/mr);
$r = upload();
is($r->{code}, 6, 'an older copy of the log is a finding');
like($r->{err}, qr/and 99999 were uploaded: it is an older copy/, 'which says so');
is(scalar(requests()), 0, 'and nothing is asked');
write_file("$Dir/upload/uploaded", "nonsense\n");
$r = upload();
is($r->{code}, 0, 'what it knew may be nonsense');
like($r->{err}, qr/isn't whole: the store is asked about all of the log/, 'which is told');
store_is(bucket => 'others');
conf_is(bucket => 'others');
store_empty();
$r = upload();
like("$r->{code} $r->{err}", qr/^0 .*uploaded is of another store, s3 .*results: s3 .*others gets all/,
    'another store gets everything');
is(differs(), '', 'as the first');

# ---- Other kinds ----

for my $kind (qw(gcs swift)) {
	store_empty();
	forget();
	store_is(kind => $kind);
	conf_is(kind => $kind);
	$r = upload();
	is("$r->{code} $r->{err}" . differs(), '0 ', "$kind gets everything");
	$before = objects();
	forget();
	is(upload()->{code}, 0, 'and again');
	is_deeply(objects(), $before, 'nothing has changed');
	is(scalar(grep { $kind eq 'swift' && /^PUT .* 412/ } requests()), 0,
	    'what can\'t refuse is asked before');
	write_file(object_file($one), $other);
	forget();
	is(upload()->{code}, 6, 'another object of that name is a finding');
	is(read_file(object_file($one)), $other, 'and stays');
}
conf_is();
store_is();

# ---- Killed ----

SKIP: {
	skip 'strace can\'t trace here', 1
	    if system('strace -f -o /dev/null true 2>/dev/null');
	my $calls = 'connect,sendto,recvfrom,write,fsync,rename';
	my @trace = ('strace', '-f', '-qq', '-o', "$Dir/trace");
	store_empty();
	forget();
	is(upload([@trace, '-e', "trace=$calls"])->{code}, 0, 'an undisturbed run');
	my (%n, @points, @wrong);
	for (split /\n/, read_file("$Dir/trace")) {
		push @points, [$1, ++$n{$1}] if /^\d+ +(\w+)\(/;
	}
	my $step = $ENV{WN_ALL} ? 1 : int(@points / 16) || 1;
	my $killed = 0;
	for (my $i = int($step / 2); $i < @points; $i += $step) {
		my ($call, $n) = @{ $points[$i] };
		store_empty();
		forget();
		$r = upload([@trace, '-e', "trace=$call", '-e',
		    "inject=$call:signal=KILL:when=$n"]);
		$killed++ if $r->{code} ne '0';
		$r = upload();
		my $wrong = differs();
		push @wrong, "$call $n: $r->{code} $r->{err} $wrong"
		    if "$r->{code} $r->{err}$wrong" ne '0 ';
	}
	cmp_ok($killed, '>', 10, "runs were killed at $killed of " . @points .
	    ' system calls');
	is("@wrong", '', 'the next run ends with the same objects');
}

is($said !~ /\Q$secret\E|\Q$id\E/, 1, 'the key is in no message');
is(scalar(grep { /\Q$secret\E|\Q$id\E/ } map { read_file($_) }
    grep { -f } glob "$Dir/upload/*"), 0, 'nor in a file');

done_testing();
