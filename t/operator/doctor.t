#!/usr/bin/perl
# worknet doctor: each thing that it looks at is broken once, and found, with
# what to type.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use IO::Socket::INET;
use IO::Socket::UNIX;

use WorknetTest qw(build_path need_program find_program run_command json_value
    spurt slurp child_start child_end poll_path wait_for now_ms);
use WorknetTest::Mmdb qw(mmdb_write mmdb_built asn);

need_program('sqlite3');
alarm(600);

my $w = WorknetTest->new->init->fault_prepare;
my $root = $w->dir('root');
my $key = $w->dir('treasury.key');
my $backups = $w->dir('backups');
my $payout = $w->dir('payout.conf');

spurt($key, '1' x 64);
chmod(0600, $key) or die $!;
mkdir $backups or die $!;
mkdir $w->dir('journal') or die $!;
chmod(0700, $w->dir('journal')) or die $!;
sub payout_conf {
	my (%more) = @_;
	my %conf = (network => 'base-sepolia', treasury_key_file => $key,
	    journal_file => $w->dir('journal/journal'), %more);

	spurt($payout, "[ledger]\npath = " . $w->ledger_path . "\n[payout]\n" .
	    join('', map { "$_ = $conf{$_}\n" } sort keys %conf));
	chmod(0640, $payout) or die $!;
}
payout_conf();

my %env = (WN_FAULT_TIME => 'kept');

my $socket = $w->socket_path;

# The detail of each probe by its name, and which are bad; undef: exits so.
sub doctor {
	my (@more) = @_;
	my ($status, $out, $err) = run_command({ env => { $w->fault_env, %env } },
	    build_path('worknet'), '-c', $w->conf_path, 'doctor', '--json',
	    '--root', $root, '--payout', $payout, '--socket',
	    $socket, '--backups', $backups, @more);
	my $json = json_value($out);

	die "doctor: $err" if !$json;
	return { status => $status, bad => { map { $_->{check} => 1 }
	    grep { !$_->{ok} } @{ $json->{checks} } },
	    map { $_->{check} => $_->{detail} } @{ $json->{checks} } };
}

# What $break breaks is found as $probe, with these words, and isn't before.
sub found {
	my ($probe, $name, $words, $break, $mend) = @_;

	my $well = doctor();
	ok(!$well->{bad}{$probe}, "$probe is fine") or diag($well->{$probe});
	$break->();
	my $ill = doctor();
	is($ill->{status}, 1, "$name: exit code 1");
	ok($ill->{bad}{$probe}, '... it is found');
	like($ill->{$probe}, $words, '... with what to do');
	$mend->();
}

# ---- The machine, as --root has it ----

run_command('mkdir', '-p', "$root/etc/nginx/sites-enabled", "$root/etc/tls",
    "$root/var/log/nginx", "$root/var/lib/systemd/timers");
mkdir "$root/var/lib/worknet-audit" or die $!;
my @stamps = map { "$root/var/lib/systemd/timers/stamp-worknet-$_.timer" }
    qw(backup audit payout);
spurt($_, '') for @stamps;

# A web server that answers what $says has.
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die $!;
my $says = $w->dir('says');
spurt($says, '{"status":"ok"}');
my $web = child_start('web', sub {
	while (my $c = $listen->accept) {
		sysread($c, my $question, 4096);
		my ($host) = $question =~ /^Host: (\S+)\r$/m;
		print $c "HTTP/1.0 200 OK\r\n\r\n" . ($host eq
		    'worknet.example.org' ? slurp($says) : 'Welcome to nginx!');
		close $c;
	}
});
my $site = "$root/etc/nginx/sites-enabled/worknet";
sub site {
	my (%has) = (name => 'worknet.example.org', port => $listen->sockport,
	    @_);
	my $text = slurp(WorknetTest::source_path('nginx/worknet.conf'));

	$text =~ s/#tls //g if $has{tls};
	$text =~ s/HOST/$has{name}/g;
	$text =~ s/unix:[^;]*fcgi.sock/unix:$socket/;
	$text =~ s/listen 80;/listen 127.0.0.1:$has{port};/g;
	$text =~ s{/etc/letsencrypt/live/[^/]*/fullchain.pem}{/etc/tls/site.pem};
	unlink $site;
	spurt($site, $text);
}
site();

# A certificate that ends so many days from now.
sub certificate {
	my ($days) = @_;
	my ($code, undef, $err) = run_command('openssl', 'req', '-x509',
	    '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=test', '-days', $days,
	    '-keyout', '/dev/null', '-out', "$root/etc/tls/site.pem");

	die $err if $code != 0;
}

found('nginx', 'a site that isn\'t enabled', qr/ln -s .*sites-available/,
    sub { rename($site, "$site.away") or die $! },
    sub { rename("$site.away", $site) or die $! });
found('nginx', 'a link to nowhere', qr/isn't enabled: ln -s/, sub {
	rename($site, "$site.away") or die $!;
	symlink('../sites-available/nosuch', $site) or die $!;
}, sub { rename("$site.away", $site) or die $! });
found('nginx', 'a site without a name, behind the default one',
    qr/sed -i s\/HOST/, sub { site(name => 'HOST') }, sub { site() });
found('nginx', 'another site that answers for its name',
    qr/another site answers for other\.example\.org.*rm .*default/,
    sub { site(name => 'other.example.org') }, sub { site() });
found('nginx', 'nobody at its port', qr/systemctl start nginx/,
    sub { site(port => 9) }, sub { site() });

# A socket that somebody can be kept from, in a directory that all can search.
{
	my $open = File::Temp::tempdir('worknet-socket-XXXXXX', TMPDIR => 1,
	    CLEANUP => 1);
	my $was = $socket;
	$socket = "$open/fcgi.sock";
	my $s = IO::Socket::UNIX->new(Local => $socket, Listen => 1) or die $!;
	chmod(0755, $open) && chmod(0666, $socket) or die $!;
	site();
	spurt("$root/etc/nginx/nginx.conf", "user nobody;\nhttp { }\n");
	is(doctor()->{socket}, "nginx's user nobody can connect to $socket",
	    'whom nginx is is read from its configuration');
	found('socket', 'a socket that nginx\'s user can\'t write to',
	    qr/nobody can't write to \Q$socket\E \(mode 0664, of .*SocketGroup=/,
	    sub { chmod(0664, $socket) or die $! },
	    sub { chmod(0666, $socket) or die $! });
	found('socket', 'one in a directory that it can\'t search',
	    qr/nobody can't search \Q$open\E \(mode 0754/,
	    sub { chmod(0754, $open) or die $! },
	    sub { chmod(0755, $open) or die $! });
	found('socket', 'none', qr/systemctl enable --now worknet\.socket/,
	    sub { rename($socket, "$socket.away") or die $! },
	    sub { rename("$socket.away", $socket) or die $! });
	found('socket', 'a site that asks elsewhere',
	    qr/passes requests to \Q$socket\E, and the coordinator's socket is \S+elsewhere/,
	    sub { $socket .= '-elsewhere' },
	    sub { $socket =~ s/-elsewhere$// });
	found('socket', 'an nginx of nobody here', qr/user nosuch isn't known/,
	    sub { spurt("$root/etc/nginx/nginx.conf", "user nosuch;\n") },
	    sub { spurt("$root/etc/nginx/nginx.conf", "user nobody;\n") });
	$socket = $was;
}
site(tls => 1);
certificate(80);
is(doctor()->{nginx}, 'worknet.example.org is served by its site',
    'with TLS it is asked at its other port');
found('certificate', 'a certificate that ends soon',
    qr/ends in 9d 23h and wasn't renewed: certbot renew/,
    sub { certificate(10) }, sub { certificate(80) });
found('certificate', 'one that has ended', qr/ended .* ago.*certbot renew/,
    sub { certificate(-3) }, sub { certificate(80) })
    if (run_command('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
	'-subj', '/CN=t', '-days', -3, '-keyout', '/dev/null'))[0] == 0;
found('certificate', 'none where the site has it', qr/site\.pem: No such file/,
    sub { unlink "$root/etc/tls/site.pem" }, sub { certificate(80) });
site();
for my $i (0 .. 2) {
	my ($name) = $stamps[$i] =~ /stamp-(.*)/;
	found('timers', "$name that never ran",
	    qr/\Q$name never ran: systemctl enable --now $name\E/,
	    sub { unlink $stamps[$i] or die $! },
	    sub { spurt($stamps[$i], '') });
}
found('timers', 'an archive that nothing starts',
    qr/archive\.timer never ran: systemctl enable --now worknet-archive\.timer/,
    sub { $w->{conf}{archive}{after_days} = 90; $w->conf_write },
    sub { delete $w->{conf}{archive}; $w->conf_write });
found('timers', 'a timer that stands', qr/backup\.timer last ran 5h ago: syst/,
    sub { utime(1, time - 5 * 3600, $stamps[0]) or die $! },
    sub { utime(1, time, $stamps[0]) or die $! });
# What an audit leaves that finds nothing.
my $audited = "$root/var/lib/worknet-audit/known";
$w->worknet('audit', '--known', $audited);
found('audit', 'no audit for long',
    qr/all well for 3d.*worknet audit says what is off/,
    sub { utime(1, time - 3 * 86400, $audited) or die $! },
    sub { utime(1, time, $audited) or die $! });
found('audit', 'none ever', qr/systemctl start worknet-audit/,
    sub { rename($audited, "$audited.away") or die $! },
    sub { rename("$audited.away", $audited) or die $! });
found('regions', 'countries of regions without a database',
    qr/region_countries counts for nobody: name a database/,
    sub { $w->{conf}{admission}{region_countries} = 'eu:DE'; $w->conf_write },
    sub { delete $w->{conf}{admission}; $w->conf_write });
SKIP: {
	skip('no libmaxmind-db-writer-perl, or no libmaxminddb', 14)
	    if !WorknetTest::Mmdb::is_here();
	my $db = $w->dir('asn.mmdb');
	my $write = sub { mmdb_write($db, { '203.0.113.0/24' => asn(64500) }) };
	is(doctor()->{databases}, 'none: networks are prefixes',
	    'no databases of addresses are needed');
	$w->{conf}{admission}{asn_database} = $db;
	$w->conf_write;
	$write->();
	is(doctor()->{databases}, 'of addresses: they can be read',
	    'one that is there is read');
	found('databases', 'one that isn\'t there',
	    qr/asn\.mmdb: No such file.*put a good one there/,
	    sub { unlink $db }, $write);
	found('databases', 'one that is old',
	    qr/is 61 days old: put a newer one there, and systemctl reload/,
	    sub { mmdb_built($db, time - 61 * 86400 - 3600) }, $write);
	$w->{conf}{admission}{country_database} = $db;
	$w->task_add('there', region => 'eu west');
	found('regions', 'countries of a region that there isn\'t',
	    qr/names "eu wets", which no task and no worker has: worknet region/,
	    sub { $w->{conf}{admission}{region_countries} =
		'eu+west:DE eu+wets:FR'; $w->conf_write },
	    sub { $w->{conf}{admission}{region_countries} = 'eu+west:DE,FR';
		$w->conf_write });
	ok(!doctor()->{bad}{regions}, '... and one that there is is fine');
	delete $w->{conf}{admission};
	$w->conf_write;
}
found('time', 'a clock that nobody keeps', qr/enable --now systemd-timesyncd/,
    sub { $env{WN_FAULT_TIME} = 'free' },
    sub { $env{WN_FAULT_TIME} = 'kept' });
found('logs', 'a log of nginx that is never rotated', qr/logrotate -f/,
    sub { sparse("$root/var/log/nginx/access.log") },
    sub { unlink "$root/var/log/nginx/access.log" });
sub sparse {
	my ($path) = @_;

	open(my $f, '>', $path) or die $!;
	truncate($f, 2 * 2 ** 30) or die $!;
}

# ---- The installation ----

$w->start;
$w->worknet('backup', $backups);
my $d = doctor();
like($d->{sandbox}, qr/shut in by Landlock \d+ \(only its ledger's files\), seccomp \(only \d+ system calls\)/,
    'it shows which layers the coordinator is shut in by');
like($d->{coordinator}, qr/answers, and can write/, 'that it answers');
like($d->{copies}, qr/^1 copies in .*, the newest \d+s old/,
    'the copies');
like($d->{disk}, qr/MiB free/, 'the disk');
is($d->{evidence}, 'not set up: nobody can verify anything',
    'the transparency log (t/evidence/log.t has one)');
is($d->{'payout run'}, 'none yet', 'the last payout run');
is($d->{schema} =~ /as they were made/, 1, 'and what check looks at');

SKIP: {
	skip('whose a file is can only be tried as root', 17) if $> != 0;
	my $conf = $w->conf_path;
	found('configuration file', 'a configuration that its group can write',
	    qr/chmod 0640/, sub { chmod(0660, $conf) or die $! },
	    sub { chmod(0640, $conf) or die $! });
	found('payout.conf', 'a payout.conf of somebody else',
	    qr/chown root/, sub { chown(1234, -1, $payout) or die $! },
	    sub { chown(0, -1, $payout) or die $! });
	found('payout.conf', 'one that all can read', qr/chgrp worknet-payout/,
	    sub { chmod(0644, $payout) or die $! },
	    sub { chmod(0640, $payout) or die $! });
	chown(scalar getpwnam('nobody'), -1, $key) or die $!;
	like((run_command(build_path('worknet-payout'), '-c', $payout, '-t'))[2],
	    qr/owned by nobody \(uid \d+\), expected this user, root \(uid 0\), or root: run this as the owner/,
	    'the payer says whose a key is that it doesn\'t take');
	chown(0, -1, $key) or die $!;
	found('keys', 'a key of whom has the ledger', qr/chown worknet-payout/,
	    sub { chown(1234, -1, $_) or die $! for $key, $w->ledger_path },
	    sub { chown(0, -1, $_) or die $! for $key, $w->ledger_path });
}
found('permissions', 'a ledger that everybody can write',
    qr/everybody can write to it/,
    sub { chmod(0666, $w->ledger_path) or die $! },
    sub { chmod(0640, $w->ledger_path) or die $! });
found('payout', 'nodes of one host alone', qr/single_node/,
    sub { $w->{conf}{payout} = { network => 'base',
	facilitators => 'http://127.0.0.1:9',
	rpc_urls => 'http://127.0.0.1:9 http://127.0.0.1:10' };
	$w->conf_write }, sub { delete $w->{conf}{payout}; $w->conf_write });
found('caps', 'a payer without caps', qr/without all four caps nobody is paid/,
    sub { $w->{conf}{payout}{treasury_key_file} = $key; $w->conf_write },
    sub { delete $w->{conf}{payout}; $w->conf_write });
$w->task_add('dear', reward => 500);
found('bounds', 'a task whose results the payer takes for forged',
    qr/max_reward_micros = 100/,
    sub { $w->{conf}{payout} = { network => 'base-sepolia',
	max_reward_micros => 100 }; $w->conf_write },
    sub { delete $w->{conf}{payout}; $w->conf_write });
$w->worknet('task', 'remove', 'dear');
found('keys', 'a key of the log that others can read', qr/log\.key: mode 0644/,
    sub { $w->{conf}{log}{key_file} = $w->dir('log.key'); $w->conf_write;
	spurt($w->dir('log.key'), ''); chmod(0644, $w->dir('log.key')) or die },
    sub { delete $w->{conf}{log}; $w->conf_write });
found('keys', 'receivers\' secrets that others can read',
    qr/receivers: mode 0644/,
    sub { $w->{conf}{alert}{receivers_file} = $w->dir('receivers');
	$w->conf_write;
	spurt($w->dir('receivers'), ''); chmod(0644, $w->dir('receivers')) or die },
    sub { delete $w->{conf}{alert}; $w->conf_write });
found('keys', 'a key that others can read', qr/mode 0640.*chmod 0600/,
    sub { chmod(0640, $key) or die $! }, sub { chmod(0600, $key) or die $! });
found('keys', 'a key that isn\'t there', qr/treasury\.key: No such file/,
    sub { rename($key, "$key.away") or die $! },
    sub { rename("$key.away", $key) or die $! });
found('journal', 'a journal where others can write', qr/chmod 0700/,
    sub { chmod(0777, $w->dir('journal')) or die $! },
    sub { chmod(0700, $w->dir('journal')) or die $! });
found('nodes', 'nodes that don\'t answer', qr/127\.0\.0\.1/, sub {
	payout_conf(rpc_urls => 'http://127.0.0.1:9 http://127.0.0.1:10') },
    sub { payout_conf() });
my @copy = glob "$backups/*.db";
found('copies', 'copies that are old', qr/the newest copy in \S+ is 5h old: systemctl status/,
    sub { utime(1, time - 5 * 3600, @copy) or die $! },
    sub { utime(1, time, @copy) or die $! });
found('copies', 'no copy', qr/worknet backup/, sub { unlink(@copy) or die $! },
    sub { $w->worknet('backup', $backups) });
found('disk', 'a disk that is nearly full', qr/0 MiB free: .*Moving/,
    sub { $env{WN_FAULT_FREE} = 500000 }, sub { delete $env{WN_FAULT_FREE} });
spurt("$backups/ledger-old.db", '');
utime(1, time - 2 * 86400, "$backups/ledger-old.db") or die $!;
found('growth', 'a ledger that will have filled its disk',
    qr/grows by \d+ KiB a day, and the disk is full in [1-9]\d* days/,
    sub { $env{WN_FAULT_FREE} = 12 * ((-s $w->ledger_path) / 2) },
    sub { delete $env{WN_FAULT_FREE} });
unlink "$backups/ledger-old.db";
found('logs', 'a write-ahead log that only grows', qr/read transaction open/,
    sub {
	my $wal = $w->ledger_path . '-wal';
	$w->{wal_was} = -s $wal;
	truncate($wal, 2 * 2 ** 30) or die $!;
}, sub { truncate($w->ledger_path . '-wal', $w->{wal_was}) or die $! });
my %caps = map { $_ => 10_000_000 } qw(max_per_payout_micros max_per_run_micros
    max_per_worker_day_micros max_per_day_micros);
payout_conf(%caps);
found('payout caps', 'a cap of nothing', qr/max_per_day_micros/,
    sub { payout_conf(%caps, max_per_day_micros => 0) },
    sub { payout_conf(%caps) });
found('payout caps', 'a cap below the least payout', qr/nobody is ever paid/,
    sub { payout_conf(%caps, max_per_run_micros => 10) },
    sub { payout_conf(%caps) });

# Something is owed.
$w->task_add('paid', interval => '1s', copies => 100, cooldown => '0s');
my $worker = $w->worker(1);
wait_for(sub { $w->fcgi->get(poll_path($worker->{address}))->{body} =~
    /"paid"/ }, 'a task');
like($w->fcgi->post([ $w->result($worker, 'paid',
    timestamp => $w->fresh_ms) ])->{body}, qr/"accepted":1/, 'it is credited');
found('payout run', 'somebody who is due, and no run',
    qr/no payout run yet, and 1 workers are due: systemctl status worknet-payout/,
    sub { payout_conf(%caps, threshold_micros => 1) },
    sub { payout_conf(%caps) });
# A run, with what it differs in from one that has just ended well.
sub run_is {
	my (%is) = @_;
	my %run = (began_ms => now_ms(), ended_ms => now_ms(), exit_code => 0,
	    reconcile => 0, words => '', %is);

	$w->sql_text('DELETE FROM payout_run; INSERT INTO payout_run (' .
	    join(', ', sort keys %run) . ') VALUES (' .
	    join(', ', map { "'$run{$_}'" } sort keys %run) . ')');
}
run_is();
found('payout run', 'runs that stopped',
    qr/began 2h ago, and ended with 0: systemctl status worknet-payout\.timer/,
    sub { run_is(began_ms => now_ms() - 7200_000) }, sub { run_is() });
found('payout run', 'a run that ended badly',
    qr/ended with code 7: no node answers: .*journalctl -u worknet-payout/,
    sub { run_is(exit_code => 7, words => 'no node answers') },
    sub { run_is() });
found('payout run', 'somebody who is overdue',
    qr/1 workers are owed the threshold for more than .*, and aren't paid: /,
    sub {
	payout_conf(%caps, threshold_micros => 1);
	$env{WN_FAULT_AHEAD_S} = 3 * 86400;
	run_is(began_ms => now_ms() + 3 * 86400_000);
}, sub {
	payout_conf(%caps);
	delete $env{WN_FAULT_AHEAD_S};
	run_is();
});
found('clock', 'a clock that was never set', qr/the clock isn't set/,
    sub { $w->clock_set(1000) }, sub { $w->clock_set(undef) });
found('clock', 'a clock that is behind the ledger',
    qr/it is .* UTC, but the newest transfer is of /,
    sub { $w->clock_set(now_ms() - 86400_000) },
    sub { $w->clock_set(undef) });
found('exceptions', 'a finding that is open', qr/^test: .*look at this/, sub {
	$w->sql_text("INSERT INTO finding (at_ms, kind, subject, detail, " .
	    "since_ms, last_ms, times) VALUES (1, 'test', 'x', " .
	    "'look at this', 1, 1, 1)");
}, sub { $w->sql_text("UPDATE finding SET closed_ms = 2, " .
    "closed_by = 'person'") });
found('schema', 'a guard that was dropped', qr/./, sub {
	$w->sql('DROP TRIGGER ledger_no_update') }, sub { });
# Somebody else acts in it, at each commit.
$w->{intrudes} = 1;
found('sandbox', 'a coordinator that does what it shouldn\'t',
    qr/[1-9]\d* system calls of the coordinator were refused: journalctl/,
    sub {
	is($w->stop, 0, 'it stops');
	$w->start(env => { WN_FAULT_INTRUDER => 1 });
	$w->fcgi->get(poll_path($w->worker(1)->{address})) for 1 .. 3;
}, sub {
	my @lines = $w->log_text =~ /refused: system call (.*):/g;
	is("@lines", 'socket (41)', 'its log says which, once') if
	    `uname -m` eq "x86_64\n";
});
found('coordinator', 'no coordinator', qr/systemctl status worknet\.socket/,
    sub { is($w->stop, 0, 'it stops') }, sub { });
$d = doctor();
ok($d->{bad}{sandbox}, 'what it is shut in by isn\'t known then');
# A page that is no page: the root of a table that nothing else looks at.
{
	my $size = $w->sql_value('PRAGMA page_size');
	my $page = $w->sql_value("SELECT rootpage FROM sqlite_schema " .
	    "WHERE name = 'settler'");
	open(my $f, '+<:raw', $w->ledger_path) or die $!;
	my $at = sub { seek($f, $size * ($page - 1), 0) or die $! };
	$at->();
	read($f, my $was, $size) == $size or die $!;
	my $put = sub { $at->(); syswrite($f, $_[0]) == $size or die $! };
	found('file', 'a page that is damaged', qr/./,
	    sub { $put->("\xa5" x $size) }, sub { $put->($was) });
}
$w->sql_text('PRAGMA user_version = 1');
$d = doctor();
is($d->{status}, 7, 'with a ledger of an older version: exit code 7');
like($d->{ledger}, qr/has schema 1, .*worknet init --migrate/,
    '... and what to do');
spurt($w->dir('other.db'), '');
{
	local $w->{conf}{ledger}{path} = $w->dir('other.db');
	$w->conf_write;
	like(doctor()->{ledger}, qr/isn't a ledger; move that file away/,
	    'what isn\'t one is told to be none');
}
{
	local $w->{conf}{ledger}{nosuch} = 1;
	$w->conf_write;
	$d = doctor();
	is($d->{status}, 1, 'with a configuration that is wrong: exit code 1');
	like($d->{configuration}, qr/nosuch: unknown key/, '... it is named');
}
$w->conf_write;
rename($w->ledger_path, $w->ledger_path . '.away') or die $!;
$d = doctor();
is($d->{status}, 7, 'without a ledger: exit code 7');
ok($d->{bad}{ledger}, '... which it names');
ok($d->{keys}, '... and looks at all else');
child_end($web, 'TERM');
done_testing();
