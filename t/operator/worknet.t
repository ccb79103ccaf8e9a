#!/usr/bin/perl
# The operator's command: every subcommand, for people and for programs, what
# it refuses, and its exit codes.
# WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use File::Basename 'dirname';
use IO::Handle;
use JSON::PP;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use WorknetTest::Process qw(everybody_may_enter_build);

for my $name (qw(worknet make_ledger)) {
	plan skip_all => "$name isn't built" unless program($name);
}
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

my $conf = "$Dir/etc/worknet.conf";
my $db = "$Dir/etc/ledger.db";

# A command on the configuration under test.
sub wn { worknet(ref $_[0] ? shift : (), '-c', $conf, @_) }

# Exit code, and standard error that matches (or is empty).
sub exits {
	my ($r, $code, $err, $name) = @_;
	my $ok = $r->{code} eq $code && (ref $err ? $r->{err} =~ $err :
	    $r->{err} eq '');
	ok($ok, $name) or diag("code $r->{code}\nout $r->{out}\n" .
	    "err $r->{err}");
}

# ---- Usage ----

exits(worknet(), 2, qr/^usage: worknet/, 'without a command it says how');
my $help = worknet('--help');
exits($help, 0, '', 'help is no error');
like($help->{out}, qr/Exit codes: 0 .* 1 .* 2 .* 7 /s,
    'help documents the exit codes');
exits(worknet('--version'), 0, '', 'the version is told');
my @commands = $help->{out} =~ /^  ((?:task|region|worker|payout|finding|maintenance|alert) \w+|\w+)  /mg;
is(scalar @commands, 51, 'help lists every command');
for my $command (@commands) {
	my $r = worknet(split(/ /, $command), '--help');
	ok($r->{code} eq '0' && $r->{out} =~ /^usage: worknet .*\Q$command\E/ &&
	    $r->{out} =~ /--json/ && $r->{out} =~ /Exit codes/,
	    "$command has help") or diag($r->{out}, $r->{err});
}
like(worknet('task', '--help')->{out}, qr/task add .*task import /s,
    'task has help of its own');
exits(worknet('task'), 2, qr/task add/, 'task alone is incomplete');
exits(worknet('frobnicate'), 2, qr/unknown command frobnicate/,
    'an unknown command is refused');
exits(worknet('task', 'frobnicate'), 2, qr/unknown command task frobnicate/,
    'an unknown command of task is refused');
exits(worknet('status', '--frobnicate'), 2, qr/unknown option --frobnicate/,
    'an unknown option is refused');
exits(worknet('status', '--url', 'x'), 2, qr/unknown option --url/,
    "another command's option is refused");
exits(worknet('status', '--json', '--json'), 2, qr/--json is given twice/,
    'an option given twice is refused');
exits(worknet('status', '--json=yes'), 2, qr/--json takes no value/,
    'a flag with a value is refused');
exits(worknet('status', '--limit'), 2, qr/--limit needs a value/,
    'an option without its value is refused');
exits(worknet('status', 'now'), 2, qr/got 1 arguments/,
    'an argument too many is refused');
exits(worknet('task', 'show'), 2, qr/got 0 arguments/,
    'an argument too few is refused');
exits(worknet('task', 'show', 'a', 'b', 'c'), 2, qr/too many arguments: c/,
    'many arguments too many are refused');
exits(worknet('task', 'list', '--all', '--limit', 3), 2, qr/not both/,
    '--all and --limit together are refused');

# ---- init, check ----

exits(wn('status'), 1, qr/No such file/, 'without a configuration: code 1');
exits(wn('check'), 1, '', 'check without a configuration: code 1');
mkdir "$Dir/etc";

write_file($conf, "[ledger]\npath = ledger.db\n");
exits(wn('status'), 7, qr/ledger/, 'without a ledger: code 7');
my $r = wn('init', '--json');
exits($r, 0, '', 'init makes a ledger');
like(json_of($r)->{ledgerId}, qr/^0x[0-9a-f]{64}$/, 'it has a random id');
is(json_of($r)->{configurationWritten}, JSON::PP::false,
    'an existing configuration is kept');
is(read_file($conf), "[ledger]\npath = ledger.db\n", 'as it was');
is((stat $db)[2] & 07, 0, 'the ledger is not for everybody');
my $before = read_file($db);
exits(wn('init'), 1, qr/a file is there already; it was left as it is/,
    'init never overwrites a ledger');
is(read_file($db), $before, 'not a byte of it');

# Who opens it is told what each table and view is: SQLite keeps what stands
# inside of a CREATE.
my @made = split /^(?=CREATE )/m, qx(sqlite3 "$db" .schema);
is(join(' ', map { /^CREATE \w+ (\w+)/ } grep { /^CREATE (TABLE|VIEW) / &&
    !/\A[^\n]*\n(\/\*.*?\*\/\n)?\t-- / } @made), '',
    '.schema says of each table and view what it is');
cmp_ok(scalar(grep { /^CREATE TABLE/ } @made), '>', 60, '... of all');
unlike(read_file(dirname(__FILE__) . '/../../sql/schema.sql'), qr/^--[^\n]*[^-\n]\nCREATE /m,
    'no comment stands where it gets lost');

# How many workers a task takes, where one isn't enough.
mkdir "$Dir/again" or die $!;
write_file("$Dir/again/c", "[ledger]\npath = l.db\n");
sub again { return worknet('-c', "$Dir/again/c", @_) }
again('init');
$r = again('task', 'add', 'often', '--url', 'https://example.org/', '--interval',
    '30s', '--cooldown', '5m', '--copies', 2);
like($r->{out}, qr/\Atask often added\nit takes 20 workers: 2 of its slots open every 30s, and a worker is given none for 5m after one/,
    'a task that takes more workers than one says how many');
is(json_of(again('task', 'edit', 'often', '--interval', '1m', '--json'))
    ->{workersNeeded}, 10, '... also when it is changed');
unlike(again('task', 'add', 'rare', '--url', 'https://example.org/', '--interval',
    '5m', '--cooldown', '5m')->{out}, qr/takes/, 'one that one can do doesn\'t');

# Another file in the ledger's place: neither command sends back to the other.
rename($db, "$db.true") or die $!;
write_file($db, 'Dear diary');
exits(wn('init'), 1, qr/left as it is .*worknet status tells/,
    'nor any other file');
exits(wn('status'), 7, qr/ledger\.db isn't a ledger; move that file away/,
    'which status tells to be none');
write_file($db, '');
exits(wn('status'), 7, qr/isn't a ledger; move that file away, or name another one in \[ledger\] path; then "worknet init" makes a ledger/,
    'and what to do about it');
unlink $db;
rename("$db.true", $db) or die $!;
exits(wn('init', '--migrate'), 0, '', 'a new ledger needs no migration');
is(json_of(wn('init', '--migrate', '--json'))->{steps}, 0,
    'which programs are told');

# A disk that fails it at one write or another.
mkdir "$Dir/small";
write_file("$Dir/small/worknet.conf", "[ledger]\npath = ledger.db\n");
my %half;
for my $n (0, 1, 2, 5, 20) {
	write_file("$Dir/fault", "ENOSPC write ftruncate\n$n $n\n");
	local @ENV{qw(LD_PRELOAD ASAN_OPTIONS WN_FAULT_DIR WN_FAULT_FILE)} =
	    (program('fault.so'), 'verify_asan_link_order=0', "$Dir/small",
	    "$Dir/fault");
	$half{worknet('-c', "$Dir/small/worknet.conf", 'init')->{code}}++;
}
is_deeply(\%half, { 7 => 5 }, 'a disk that is full makes no ledger');
is_deeply([ glob("$Dir/small/*") ], [ "$Dir/small/worknet.conf" ],
    'nor is a part of one left, nor its log');

# The sample names /var/lib/worknet, where no test may write.
my $fresh = "$Dir/fresh/worknet.conf";
mkdir "$Dir/fresh";
chmod 0777, "$Dir/fresh";
chmod 0755, $Dir;
SKIP: {
	$Nobody = $> == 0;
	skip 'anybody can write to /var/lib', 3 if -w '/var/lib' && !$Nobody;
	skip 'the build directory is root\'s alone', 3
	    if $Nobody && !everybody_may_enter_build();
	exits(worknet('-c', $fresh, 'init'), 7, qr/\/var\/lib\/worknet/,
	    'init says where it can not make a ledger');
	like(read_file($fresh), qr/^;path = /m, 'a sample was written');
	exits(worknet('-c', $fresh, 'check'), 7, '', 'and can be read');
}
$Nobody = 0;
write_file("$Dir/bad.conf", "[ledger]\nfrobnicate = 1\n");
exits(worknet('-c', "$Dir/bad.conf", 'status'), 1, qr/unknown key/,
    'a configuration with an unknown key: code 1');
exits(worknet('-c', "$Dir/bad.conf", 'init'), 1, qr/unknown key/,
    'also for init');
write_file("$Dir/not.conf", "[ledger]\npath = not.conf\n");
exits(worknet('-c', "$Dir/not.conf", 'status'), 7, qr/ledger/,
    'a file that is no ledger: code 7');

chmod 0750, "$Dir/etc";
$r = wn('check', '--json');
exits($r, 0, '', 'check finds a new ledger in order');
is_deeply([ map { $_->{check} } @{ json_of($r)->{checks} } ], [qw(
    configuration payout ledger schema caps file permissions exceptions bounds
    clock)],
    'check says what it checked');
chmod 0777, "$Dir/etc";
$r = wn('check');
exits($r, 1, '', 'check finds a directory that everybody can write to');
like($r->{out}, qr/permissions +no .*mode 0777/, 'and says which');
chmod 0750, "$Dir/etc";

# What check says of a configuration with these lines in [payout].
sub check_payout {
	my ($lines) = @_;
	my $path = write_file("$Dir/etc/payout.conf",
	    "[ledger]\npath = ledger.db\n[payout]\n$lines");
	my $answer = worknet('-c', $path, 'check');
	my ($line) = $answer->{out} =~ /^payout +(\w+ .*)$/m;
	return ($answer->{code}, $line);
}

my $urls = "facilitators = https://f.example\n" .
    "rpc_urls = https://a.example https://b.example\n";
my $custom = "network = custom\nchain_id = 31337\ntoken = 0x" . '12' x 20 .
    "\ntoken_name = USDC\n";
for my $case (['no payout is', '', 0, qr/^yes +not set up/],
    ['all is', "network = base\n$urls", 0,
    qr/^yes +on base; worknet-payout -t/],
    ['all of a custom network is', "$custom$urls" . "token_version = 2\n", 0,
    qr/^yes +on custom; worknet-payout -t/],
    ['only a part of a custom network is', "$custom$urls", 1,
    qr/^no .*token_version/], ['no network is', $urls, 1, qr/^no .*network/],
    ['no node is', "network = base\nfacilitators = https://f.example\n", 1,
    qr/^no .*rpc_urls: not set/],
    ['no facilitator is', "network = base\n" .
    "rpc_urls = https://a.example https://b.example\n", 1,
    qr/^no .*facilitators: not set/],
    ['only one node is', "network = base\nfacilitators = https://f.example\n" .
    "rpc_urls = https://a.example https://a.example:443/x\n", 1,
    qr/^no .*nodes of one host only/]) {
	my ($what, $lines, $code, $says) = @$case;
	my ($got, $line) = check_payout($lines);
	ok($got eq $code && ($line // '') =~ $says,
	    "check says so where $what configured") or
	    diag("code $got: ", $line // 'no line');
}

# ---- task ----

exits(wn('task', 'add', 'api', '--url', 'https://example.net/health',
    '--expect', 204, '--timeout-ms', 5000, '--reward', 250, '--interval',
    '2m', '--copies', 3, '--cooldown', '1h', '--region', 'eu'), 0, '',
    'a task is added');
my $task = json_of(wn('task', 'show', 'api', '--json'));
is_deeply([ @$task{qw(id type state url expectedStatus timeoutMs
    rewardMicros intervalMs copies cooldownMs region)} ], [ 'api',
    'http_check', 'active', 'https://example.net/health', 204, 5000, 250,
    120000, 3, 3600000, 'eu' ], 'with all that was said');
exits(wn('task', 'add', 'plain', '--url=http://example.net/'), 0, '',
    'a task is added with defaults');
$task = json_of(wn('task', 'show', 'plain', '--json'));
is_deeply([ @$task{qw(expectedStatus timeoutMs rewardMicros intervalMs copies
    cooldownMs region)} ], [ 200, 10000, 100, 30000, 1, 300000, '' ],
    'which are those of the protocol');
is_deeply($task->{checks}, [], 'it has no checks yet');
exits(wn('task', 'add', 'api', '--url', 'https://example.net/'), 1,
    qr/exists already/, 'an id that is taken is refused');
exits(wn('task', 'add', 'x y', '--url', 'https://example.net/'), 1,
    qr/task id: got "x y"/, 'an id with a space is refused');
exits(wn('task', 'add', 'y'), 2, qr/needs --url/, 'no url: usage');
exits(wn('task', 'add', 'y', '--url', 'ftp://example.net/'), 1,
    qr/not http or https/, 'another scheme is refused');
# What every worker would refuse for ever, and be paid for.
for ([ 'http://h:99999/', qr/no such port/ ],
    [ 'http://u:pw@h/', qr/a user or password/ ],
    [ 'http://exa mple/', qr/malformed URL/ ],
    [ 'http://[::1/', qr/malformed URL/ ],
    [ 'http:///', qr/malformed URL/ ],
    (map { [ $_, qr/not a public address/ ] } 'http://169.254.169.254/',
    'http://[::1]/', 'http://127.1/', 'http://0x7f000001/',
    'http://localhost:8080/', 'http://a.localhost/', 'http://10.0.0.1./',
    'http://[::ffff:10.0.0.1]/')) {
	my ($url, $why) = @$_;
	exits(wn('task', 'add', 'y', '--url', $url), 1, $why,
	    "a task for $url is refused");
	exits(wn('task', 'edit', 'plain', '--url', $url), 1, $why,
	    'nor does one become it');
}
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--region', 'unknown'), 1,
    qr/region: "unknown" is what workers say that have none/,
    'the region of those that have none is refused');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--expect', 101), 1,
    qr/expected status: got 101, expected 200/,
    'a status that comes before an answer is none to expect');
exits(wn('task', 'edit', 'plain', '--url', "http://b\xc3\xbccher.example/x"),
    0, '', 'a name beyond ASCII is taken');
is(json_of(wn('task', 'show', 'plain', '--json'))->{url},
    'http://xn--bcher-kva.example/x', 'as the name that DNS has for it');
wn('task', 'edit', 'plain', '--url', 'http://example.net/');
{
	my $open = write_file("$Dir/etc/open.conf",
	    "[ledger]\npath = ledger.db\n[worker]\nallow_private = yes\n");
	exits(worknet('-c', $open, 'task', 'edit', 'plain', '--url',
	    'http://127.0.0.1/'), 0, '',
	    'private targets are taken where the configuration says so');
	wn('task', 'edit', 'plain', '--url', 'http://example.net/');
}
exits(wn('task', 'add', 'y', '--url', 'http://x/' . 'y' x 2000), 2,
    qr/--url: longer than/, 'a url too long is refused');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--interval', 30), 2,
    qr/expected a whole number with its unit/, 'a plain number is no duration');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--interval', '1.5m'), 2,
    qr/--interval: got "1.5m"/, 'nor is a fraction');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--interval',
    '999999999999d'), 2, qr/--interval/, 'nor one without end');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--interval', '60d'), 1,
    qr/interval_ms: got/, 'an interval out of range is refused');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--reward', '1e3'), 2,
    qr/--reward: got "1e3"/, 'a reward that is no whole number is refused');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--reward', 0), 1,
    qr/reward: got 0/, 'a reward of nothing is refused');
exits(wn('task', 'add', 'y', '--url', 'http://x/', '--reward',
    '99999999999999999999'), 2, qr/--reward/, 'a number too long is refused');
for (['30s', 30000], ['1500ms', 1500], ['5m', 300000], ['2h', 7200000],
    ['1d', 86400000]) {
	my ($text, $ms) = @$_;
	wn('task', 'edit', 'plain', '--interval', $text);
	is(json_of(wn('task', 'show', 'plain', '--json'))->{intervalMs}, $ms,
	    "$text is $ms ms");
	like(wn('task', 'show', 'plain')->{out}, qr/^interval: +$text$/m,
	    "$ms ms are told as $text");
}

exits(wn('task', 'edit', 'api', '--reward', 300), 0, '', 'a task is edited');
$task = json_of(wn('task', 'show', 'api', '--json'));
is($task->{rewardMicros}, 300, 'what was said is changed');
is($task->{timeoutMs}, 5000, 'all else stays');
is_deeply([ map { $_->{rewardMicros} } @{ $task->{definitions} } ],
    [ 300, 250 ], 'the earlier definition is shown');
$r = wn('task', 'edit', 'api', '--reward', 300, '--json');
is(json_of($r)->{done}, 'unchanged', 'an edit that changes nothing says so');
is(scalar @{ json_of(wn('task', 'show', 'api', '--json'))->{definitions} }, 2,
    'and makes no new definition');
exits(wn('task', 'edit', 'api', '--region', ''), 0, '',
    'a region can be taken away');
exits(wn('task', 'edit', 'api'), 2, qr/needs an option/,
    'an edit of nothing: usage');
exits(wn('task', 'edit', 'nobody', '--reward', 1), 1, qr/unknown task nobody/,
    'an unknown task is not found');
exits(wn('task', 'show', 'nobody'), 1, qr/unknown task nobody/,
    'nor shown');

for (['pause', 'paused'], ['resume', 'active'], ['remove', 'removed']) {
	my ($verb, $state) = @$_;
	exits(wn('task', $verb, 'plain'), 0, '', "task $verb");
	is(json_of(wn('task', 'show', 'plain', '--json'))->{state}, $state,
	    "makes it $state");
}
exits(wn('task', 'resume', 'plain'), 1, qr/is removed/,
    'removed is for ever');
exits(wn('task', 'edit', 'plain', '--reward', 7), 1, qr/is removed/,
    'a removed task is not edited');
exits(wn('task', 'add', 'plain', '--url', 'http://x/'), 1,
    qr/exists already \(removed\)/, 'its name stays taken');
exits(wn('task', 'pause', 'nobody'), 1, qr/unknown task/,
    'an unknown task is not paused');

is(join(' ', map { $_->{id} } @{ json_of(wn('task', 'list',
    '--json'))->{tasks} }), 'api', 'removed tasks are not listed');
is(join(' ', map { $_->{id} } @{ json_of(wn('task', 'list', '--all',
    '--json'))->{tasks} }), 'api plain', 'but with --all');
like(wn('task', 'list')->{out}, qr/^ID +STATE .*^api +active .*1 of 2 tasks/sm,
    'people are told what the list leaves out');

# ---- task import ----

my @two = ({ id => 'one', type => 'http_check', url => 'https://one.net/',
    expectedStatus => 200, timeoutMs => 10000, rewardMicros => 100 },
    { id => 'two', type => 'http_check', url => 'https://two.net/',
    expectedStatus => 301, timeoutMs => 9000, rewardMicros => 200,
    region => 'us', intervalMs => 60000, copies => 2, cooldownMs => 0 });

# What import says to these tasks, given as text or as data.
sub import_of {
	my ($tasks, @options) = @_;
	return wn({ input => ref $tasks ? encode_json($tasks) : $tasks },
	    'task', 'import', '-', @options);
}

sub with { my ($t, %more) = @_; return [ $two[0], { %$t, %more } ] }

sub without {
	my ($t, $field) = @_;
	my %t = %$t;
	delete $t{$field};
	return [ $two[0], \%t ];
}

exits(import_of(\@two), 0, '', 'tasks are imported');
$task = json_of(wn('task', 'show', 'two', '--json'));
is_deeply([ @$task{qw(url expectedStatus timeoutMs rewardMicros region
    intervalMs copies cooldownMs)} ], [ 'https://two.net/', 301, 9000, 200,
    'us', 60000, 2, 0 ], 'with the names of the protocol');
is(json_of(wn('task', 'show', 'one', '--json'))->{intervalMs}, 30000,
    'and the defaults of the rest');
exits(import_of(\@two), 1, qr/task 1 \(one\): exists already/,
    'a task that exists is refused');
my $update = json_of(import_of([ { %{ $two[0] }, rewardMicros => 150 },
    without($two[1], 'intervalMs')->[1] ], '--update', '--json'));
is_deeply($update, { added => 0, private => 0, changed => 1, unchanged => 1 },
    'with --update it is changed, and what is not given stays');
is(json_of(wn('task', 'show', 'one', '--json'))->{rewardMicros}, 150,
    'to what was said');
exits(import_of([ { %{ $two[0] }, intervalMs => 90000 } ], '--update'), 0, '',
    'a second update follows the first');
is(json_of(wn('task', 'show', 'one', '--json'))->{intervalMs}, 90000,
    'and changes when the task is due');
write_file("$Dir/tasks.json", encode_json([ { %{ $two[0] }, id => 'file' } ]));
exits(wn('task', 'import', "$Dir/tasks.json"), 0, '',
    'a file is imported');
exits(wn('task', 'import', "$Dir/nothing.json"), 1, qr/No such file/,
    'a file that is not there');
exits(wn('task', 'import', '/dev/zero'), 1,
    qr/more than \d+ bytes/, 'a file that never ends');
exits(import_of('[]'), 0, '', 'no tasks are no error');

# Private ones, of which the id isn't the name.
my %hidden = (%{ $two[0] }, id => 'ours', private => \1);
$r = import_of([ { %hidden } ]);
exits($r, 0, '', 'a private task is imported');
like($r->{out}, qr/1 of them private: worknet task list/,
    'and it is said where its name is seen');
my @ours = grep { $_->{id} =~ /^ours/ } @{ json_of(wn('task', 'list',
    '--json'))->{tasks} };
is(scalar @ours, 1, 'it is there once');
like($ours[0]{id}, qr/^ours:[\w-]{22}$/, 'with a random end');
ok($ours[0]{private}, 'and private');
exits(import_of([ { %hidden } ]), 1, qr/\(ours\): exists already/,
    'it is known again by its id');
for my $id ('ours', $ours[0]{id}) {
	is_deeply(json_of(import_of([ { %hidden, id => $id, timeoutMs =>
	    4000 + length $id } ], '--update', '--json')), { added => 0,
	    private => 0, changed => 1, unchanged => 0 }, "$id is changed");
	is(json_of(wn('task', 'show', $ours[0]{id}, '--json'))->{timeoutMs},
	    4000 + length $id, 'to what was said');
}
exits(import_of([ { %hidden, id => 'one' } ], '--update'), 1,
    qr/is public: a task is private from the beginning, or never/,
    'a public one never becomes private');
exits(import_of([ { %hidden, id => $ours[0]{id}, private => \0 } ],
    '--update'), 1, qr/is private: a task is private from the beginning/,
    'nor a private one public');
exits(wn('task', 'add', 'ours', '--private', '--url', 'https://one.net/'), 0,
    '', 'another one is added by the same id');
exits(import_of([ { %hidden } ], '--update'), 1,
    qr/several private tasks were added as ours/, 'which then says too little');
exits(import_of([ { %hidden, id => 'x' x 42 } ]), 1,
    qr/a private one has at most 41 characters/,
    'its id leaves room for the end');
exits(wn('task', 'remove', $_, '--yes'), 0, '', 'they are removed')
    for map { $_->{id} } grep { $_->{private} } @{ json_of(wn('task', 'list',
    '--json'))->{tasks} };

my %new = (%{ $two[1] }, id => 'three');
$two[0]{id} = 'zero';
my $versions = json_of(wn('audit', '--json'));
for ([ 'an unknown field', with(\%new, colour => 'red'),
	qr/task 2.*: unknown field colour/ ],
    [ 'another type', with(\%new, type => 'tcp'), qr/type: expected/ ],
    [ 'a text for a number', with(\%new, timeoutMs => '1'),
	qr/expected a number: timeoutMs/ ],
    [ 'a word for yes or no', with(\%new, private => 'yes'),
	qr/expected true or false: private/ ],
    [ 'a number for a text', with(\%new, url => 1), qr/expected a text: url/ ],
    [ 'null', with(\%new, region => undef), qr/expected a text: region/ ],
    [ 'a list', with(\%new, copies => [1]), qr/expected a number: copies/ ],
    [ 'a fraction', with(\%new, copies => 1.5), qr/whole number: copies/ ],
    [ 'a negative number', with(\%new, cooldownMs => -1),
	qr/whole number: cooldownMs/ ],
    [ 'a value out of range', with(\%new, copies => 0), qr/copies: got 0/ ],
    [ 'the region of workers that have none', with(\%new,
	region => 'unknown'), qr/region: "unknown" is/ ],
    [ 'a private address', with(\%new, url => 'http://10.0.0.1/'),
	qr/task 2 \(three\): URL refused: not a public address/ ],
    [ 'an interim status', with(\%new, expectedStatus => 101),
	qr/expected status: got 101/ ],
    [ 'an id too long', with(\%new, id => 'x' x 65), qr/too long: id/ ],
    [ 'an invalid id', with(\%new, id => 'x y'), qr/task id: got/ ],
    [ 'no url', without(\%new, 'url'), qr/missing: url/ ],
    [ 'no type', without(\%new, 'type'), qr/missing: type/ ],
    [ 'an id twice', [ \%new, \%new ], qr/nothing was imported: task three is given twice/ ],
    [ 'a key twice', '[{"id":"a","id":"b"}]', qr/given twice: id/ ],
    [ 'no object', '[3]', qr/expected an object/ ],
    [ 'no array', '{"id":"a"}', qr/expected an array/ ],
    [ 'a NUL', '[{"id":"a\\u0000"}]', qr/not UTF-8 text: id/ ],
    [ 'half a document', '[{"id":"a"', qr/nothing was imported/ ],
    [ 'no document', '', qr/nothing was imported/ ]) {
	my ($name, $tasks, $why) = @$_;
	exits(import_of($tasks), 1, $why, "import refuses $name");
}
exits(wn('task', 'show', 'zero'), 1, qr/unknown/,
    'what was refused in part was refused whole');
is_deeply(json_of(wn('audit', '--json'))->{rules}, $versions->{rules},
    'and left nothing behind');

my @many = map { { %new, id => sprintf('many_%04d', $_) } } 1 .. 2500;
exits(import_of(\@many), 0, '', 'many tasks are imported');
is(scalar @{ json_of(wn('task', 'list', '--json'))->{tasks} }, 100,
    'a list has 100 rows');
is(scalar @{ json_of(wn('task', 'list', '--json', '--limit',
    7))->{tasks} }, 7, 'or as many as one says');
$r = wn('task', 'list', '--all', '--json');
is(scalar @{ json_of($r)->{tasks} }, 2507, 'or all');
my @lines = split /\n/, wn('task', 'list', '--all')->{out};
is(scalar @lines, 2509, 'people get them all, too, and what amounts are in');

# ---- Workers, status, audit: on a ledger with results ----

make_ledger("$Dir/etc/full.db", '--results', 300, '--seed', 3, '--tasks', 4);
$conf = write_file("$Dir/etc/full.conf", "[ledger]\npath = full.db\n");

my $list = json_of(wn('worker', 'list', '--json'));
is($list->{total}, 20, 'workers are listed');
is(scalar @{ $list->{workers} }, 20, 'all of them');
is(scalar @{ json_of(wn('worker', 'list', '--limit', 5,
    '--json'))->{workers} }, 5, 'or as many as one says');
my $address = $list->{workers}[0]{address};
my $w = json_of(wn('worker', 'show', $address, '--json'));
is($w->{address}, $address, 'a worker is shown, its address in the same form');
like($address, qr/[A-F]/, '... with its checksum');
is($w->{owedMicros}, $list->{workers}[0]{owedMicros}, 'what it is owed');
is($w->{earnedMicros}, $w->{owedMicros}, 'what it has earned');
cmp_ok($w->{results}, '>', 0, 'how many results it has');
cmp_ok(scalar @{ $w->{lastResults} }, '<=', 10, 'its last results');
is_deeply([ sort keys %{ $w->{lastResults}[0] } ], [ sort qw(slot timestampMs
    success statusCode responseTimeMs rewardMicros taskId error) ],
    'with all that they say');
my $sum = 0;
$sum += $_->{rewardMicros} for @{ json_of(wn('worker', 'show', $address,
    '--limit', 1000, '--json'))->{lastResults} };
is($sum, $w->{earnedMicros}, 'which add up to what it has earned');
like(wn('worker', 'show', $address)->{out}, qr/^earned: +0\.\d{6} USDC$/m,
    'people see USDC with six decimals');
like(wn('worker', 'show', $address)->{out},
    qr/^first seen: +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m, 'and times as text');
exits(wn('worker', 'show', $w->{address}), 0, '',
    'an address may be written with its checksum');
exits(wn('worker', 'show', '0x' . '1' x 40), 1, qr/unknown worker/,
    'an unknown worker is not found');
exits(wn('worker', 'show', '0x12'), 2, qr/0x and 40 hex digits/,
    'what is no address: usage');
(my $typo = $w->{address}) =~ tr/a-f/b-fa/;
exits(wn('worker', 'show', $typo), 2, qr/checksum/,
    'a wrong checksum is refused') if $typo ne $w->{address};
for (['suspend', 'suspended'], ['suspend', 'suspended'], ['resume',
    'active']) {
	my ($verb, $state) = @$_;
	exits(wn('worker', $verb, $address), 0, '', "worker $verb");
	is(json_of(wn('worker', 'show', $address, '--json'))->{state},
	    $state, "makes it $state");
}
exits(wn('worker', 'suspend', '0x' . '1' x 40), 1, qr/unknown worker/,
    'an unknown worker is not suspended');

$task = json_of(wn('task', 'show', 'task_00002', '--json'));
is(scalar @{ $task->{checks} }, 10, 'a task shows its last checks');
is(scalar @{ json_of(wn('task', 'show', 'task_00002', '--limit', 3,
    '--json'))->{checks} }, 3, 'or as many as one says');

my $s = json_of(wn('status', '--json'));
is($s->{tasksActive}, 4, 'status counts tasks');
is($s->{workersActive}, 20, 'and workers');
is($s->{resultsLastDay}, 300, 'and the results of the day');
my $owed = 0;
$owed += $_->{owedMicros} for @{ $list->{workers} };
is($s->{owedMicros}, $owed, 'and what is owed in all');
is($s->{exceptions}, 0, 'and exceptions');
is(scalar @{ $s->{coverage} }, 4, 'coverage is told for each task');
cmp_ok($s->{cyclesChecked}, '>', 0.7 * $s->{cyclesOpened},
    'most cycles were checked');
cmp_ok($s->{cyclesChecked}, '<=', $s->{cyclesOpened},
    'never more than were opened');
is(scalar @{ json_of(wn('status', '--limit', 2, '--json'))->{coverage} }, 2,
    'of the worst tasks as many as one says');
exits(wn('status'), 0, '', 'status is for people, too');
wn('task', 'pause', "task_0000$_") for 0 .. 3;
like(wn('status')->{out}, qr/no task is active/, 'status warns');

exits(wn('audit'), 0, '', 'the audit is clean');
exits(wn('audit', '--json', '--signatures'), 0, '', 'with signatures, too');

# ---- Trouble ----

open my $full, '>', '/dev/full' or die;
SKIP: {
	skip 'no /dev/full', 1 unless -c '/dev/full';
	my $pid = fork;
	if ($pid == 0) {
		open STDOUT, '>&', $full or die;
		open STDERR, '>', '/dev/null' or die;
		exec program('worknet'), '-c', $conf, 'status' or die;
	}
	waitpid $pid, 0;
	is($? >> 8, 7, 'an answer that could not be written is no success');
}

# Somebody else's lock, for longer than the busy timeout.
write_file($conf, "[ledger]\npath = full.db\nbusy_timeout_ms = 50\n");
SKIP: {
	skip 'no sqlite3 shell', 3 if system('sqlite3 -version >/dev/null');
	my $pid = open my $shell, '|-', 'sqlite3', "$Dir/etc/full.db" or die;
	$shell->autoflush(1);
	print $shell "BEGIN IMMEDIATE; CREATE TABLE x (y);\n" .
	    ".shell touch $Dir/locked\n";
	select undef, undef, undef, 0.02 until -e "$Dir/locked";
	exits(wn('task', 'resume', 'task_00001'), 7, qr/locked/,
	    'a locked ledger: code 7');
	exits(wn('task', 'list'), 0, '', 'but it can be read');
	print $shell "ROLLBACK;\n";
	close $shell;
	exits(wn('task', 'resume', 'task_00001'), 0, '', 'and written later');
}

# What a worker sent must not steer the terminal.
SKIP: {
	skip 'no sqlite3 shell', 5 if system('sqlite3 -version >/dev/null');
	forge("$Dir/etc/full.db", "$Dir/etc/evil.db", "UPDATE result SET " .
	    "error = char(27) || '[2J' || char(155) || 'x' || char(10);");
	write_file($conf, "[ledger]\npath = evil.db\n");
	$r = wn('worker', 'show', $address);
	unlike($r->{out}, qr/\x1b|\xc2\x9b/,
	    'escape sequences are not printed');
	like($r->{out}, qr/\?\[2J\?x\?$/m, 'but shown as question marks');
	my $view = qx(sqlite3 "$Dir/etc/evil.db" "SELECT * FROM checks LIMIT 1");
	like($view, qr/\|hex 1B5B324AC29B780A\|/,
	    'nor does the view of checks print any');
	$view = qx(sqlite3 "$Dir/etc/full.db" "SELECT * FROM checks");
	like($view, qr/\|down\|/, 'while other errors are shown');
	unlike($view, qr/hex/, '... as they are');
}

# ---- Bounds of what is paid ----

my $base = "[ledger]\npath = bounds.db\n";
write_file("$Dir/bounds.conf", $base);
worknet('-c', "$Dir/bounds.conf", 'init');
sub bounds {
	my ($lines) = @_;
	write_file("$Dir/bounds.conf", $base . $lines);
	my $answer = worknet('-c', "$Dir/bounds.conf", 'check');
	return $answer->{out} =~ /^bounds +(.*)$/m ? $1 : $answer->{err};
}

my $pays = "[payout]\nnetwork = base\n$urls";
like(bounds(''), qr/^yes .*max_reward_micros = 0 and .* = 0 pay/,
    'without tasks nothing is earned');
worknet('-c', "$Dir/bounds.conf", 'task', 'add', $_->[0], '--url',
    'http://x/', '--reward', $_->[1], '--interval', $_->[2], '--cooldown',
    $_->[3], '--copies', 5) for [ 'a', 100, '30s', '5m' ],
    [ 'b', 250, '1h', '0s' ], [ 'c', 2000, '1s', '0s' ];
worknet('-c', "$Dir/bounds.conf", 'task', 'pause', 'c');
# (86400 + 300) s / 300 s + 2 slots of 100, 24 + 2 of 250.
my $day = 291 * 100 + 26 * 250;
like(bounds(''),
    qr/^yes .*max_reward_micros = 250 and max_per_worker_day_micros = $day /,
    'check proposes what the active tasks can pay, however many copies');
like(bounds($pays), qr/^yes/, 'a reward within its bound is fine');
like(bounds($pays . "max_reward_micros = 249\n"),
    qr/^no .*pays 250 .*above max_reward_micros = 249/,
    'a reward above its bound isn\'t');
like(bounds($pays . "max_per_worker_day_micros = $day\n"), qr/^yes/,
    'a day within its bound is fine');
like(bounds($pays . 'max_per_worker_day_micros = ' . ($day - 1) . "\n"),
    qr/^no .*can earn $day .*max_per_worker_day_micros = @{[ $day - 1 ]} /,
    'a day above its bound isn\'t');

done_testing;
