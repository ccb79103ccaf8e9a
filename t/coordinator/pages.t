#!/usr/bin/perl
# What anybody may read, through nginx: the pages and their JSON. That figures
# are the ledger's and those of worknet worker show, that hostile text stays
# text, and what caches keep. Tasks' own pages are tasks.t's.

use strict;
use warnings;
use utf8;

use POSIX 'strftime';

use Encode qw(decode_utf8 encode_utf8);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program source_path slurp build_path spurt run_command json_text json_value http_raw
    http_read now_ms poll_path);
use WorknetTest::OpenApi qw(misfits);

BEGIN {
	plan skip_all => 'no XML::LibXML' unless eval { require XML::LibXML; 1 };
}

need_program('sqlite3', 'nginx');

# One request on a connection of its own.
sub get {
	my ($w, $path, %headers) = @_;
	my $method = delete $headers{method} // 'GET';
	my $s = $w->http_socket;

	syswrite($s, http_raw($method, $path, undef, %headers));
	return http_read($s, $method);
}

# The page as a tree; it must be well-formed.
sub page {
	my ($w, $path, $name) = @_;
	my $r = get($w, $path);
	my $body = $r->{body} =~ s/\A<!DOCTYPE html>\n//r;
	my $tree = eval { XML::LibXML->new(no_network => 1, recover => 0)
	    ->parse_string($body) };

	ok($tree, "$name is well-formed") or diag($@, $r->{body});
	return ($r, $tree);
}

# ---- Schemas, as far as openapi.json has them ----

my $api;

sub fits {
	my ($path, $status, $r, $name) = @_;
	my $schema = $api->{paths}{$path}{get}{responses}{$status}{content}
	    {'application/json'}{schema};

	is($r->{status}, $status, "$name gets $status");
	ok($schema, "openapi.json describes a $status of $path");
	is_deeply([ misfits($api, $schema, json_value($r->{body}), '') ], [],
	    '... and it is as that says');
}

# ---- A network with everything in it ----

my $w = WorknetTest->new->past(60);
$w->{conf}{pages}{origin} = "https://<b>&\"'.example";
@{ $w->{conf}{payout} }{qw(network threshold_micros)} = ('base-sepolia', 1000);
$w->{conf}{honesty}{maturity_new_ms} = 86400000;
$w->conf_write;
$w->init;
my ($one, $two, $three) = map { $w->worker($_) } 1 .. 3;
$w->worknet('task', 'add', 'in:eu', '--url', 'https://secret.example/?k=S3CRET',
    '--region', '<i>&"eu', '--reward', '100');
$w->hand_out(['task', 'own.task'], [ $one, $two ], 10);
$w->now;
$w->start;
$w->nginx_start;
my $c = $w->fcgi;
for my $k (1 .. 3) {
	$c->post(json_text([ map { $w->result($one, $w->take($one),
	    timestamp => $w->fresh_ms) } 1 .. 2 ]));
}
is($w->balance($one), 600, 'a worker has earned something');

$api = json_value(get($w, '/openapi.json')->{body});
is($api->{openapi}, '3.1.0', 'the API is described as OpenAPI has it');
{
	my %ids = map { ($_->{operationId} => 1) } map { grep { ref eq 'HASH' }
	    values %$_ } values %{ $api->{paths} };
	my @operations = grep { /^(?:get|post)$/ } map { keys %$_ }
	    values %{ $api->{paths} };
	# All but what workers send and are given, which is doc/protocol's.
	my %other = map { $_ => 1 } qw(/openapi.json /v1/status
	    /v1/worker/results /v1/worker/tasks);
	my @served = map { my $text = slurp($_); $text =~
	    /(?:\.path = |ROUTE\(\s*\w+,\s*)"([^"]+)"/g }
	    glob(source_path('src/api') . '/route*.c');

	is(scalar keys %ids, @operations, '... each operation under a name of its own');
	is_deeply([ sort map { s/\{[^}]+\}/*/gr } keys %{ $api->{paths} } ],
	    [ sort grep { m{^/v\d/|\.json$} && !$other{$_} } @served ],
	    '... and all that is served as JSON is in it');
}

# ---- Figures ----

my $status = get($w, "/api/v1/worker/$one->{address}/status");
fits('/v1/worker/{address}/status', 200, $status, 'a worker');
my $told = json_value($status->{body});
my $shown = json_value($w->worknet('worker', 'show', $one->{address},
    '--json'));
my @same = qw(address state record firstSeenMs results earnedMicros owedMicros
    payableMicros inFlightMicros paidMicros forfeitedMicros payableAfterMs);
is_deeply({ map { $_ => $told->{$_} } @same },
    { map { $_ => $shown->{$_} } @same },
    'its figures are those of worknet worker show');
is($told->{earnedMicros}, $w->sql_value('SELECT sum(amount_micros) FROM ' .
    "transfer WHERE kind = 'credit'"), 'it earned what was credited');
is($told->{results}, $w->sql_value('SELECT count(*) FROM result'),
    '... for as many results as there are');
is($told->{owedMicros}, $told->{payableMicros} + $told->{waitingMicros},
    'what is owed waits or is payable');
is($told->{waitingMicros}, 600, 'all of a new worker\'s waits');
cmp_ok($told->{nextPayableMs}, '<=', $told->{allPayableMs},
    'until it is told');
unlike($status->{body}, qr/task|slot|signature/i,
    'nothing tells which results were of which task: of drills, or not');
is($told->{missingMicros}, 1000, 'what is missing is what isn\'t payable');
is_deeply([ map { [ @{$_}{qw(micros results recovered)} ] }
    @{ $told->{credits} } ], [ ([ 200, 2, JSON::PP::false ]) x 3 ],
    'each credit has its line');

my ($r, $tree) = page($w, "/worker/$one->{address}", 'a worker\'s page');
is($r->{status}, 200, 'it is there');
is($r->{headers}{'content-type'}, 'text/html; charset=utf-8', '... as HTML');
my %sum = map { $_->findvalue('th') => $_->findvalue('td[1]') }
    $tree->findnodes('(//table)[1]/tbody/tr');
my %key = (Waiting => 'waitingMicros', Payable => 'payableMicros',
    'In flight' => 'inFlightMicros', Paid => 'paidMicros',
    Forfeited => 'forfeitedMicros', Earned => 'earnedMicros');
is_deeply(\%sum, { map { $_ => sprintf('%.6f', $told->{$key{$_}} / 1e6) }
    keys %key }, 'its sums are those of the JSON');
is(($tree->findnodes('//table'))[-1]->findnodes('tbody/tr')->size, 3,
    'and each credit has its line');
is($tree->findvalue('//link[@rel="alternate"]/@href'),
    "/api/v1/worker/$one->{address}/status", 'the page names the JSON');

my $net = get($w, '/api/v1/network');
fits('/v1/network', 200, $net, 'the network');
my $n = json_value($net->{body});
is_deeply([ @{$n}{qw(workersLastHour networksLastHour checksToday tasksActive)}
    ], [ 1, 1, 6, 1 ], 'its numbers are the ledger\'s');
($r, $tree) = page($w, '/', 'the first page');
my %count = map { $_->findvalue('dt') => $_->findvalue('dd') }
    $tree->findnodes('//dl[@class="counts"]/div');
is($count{'Workers paid in the last hour'}, $n->{workersLastHour},
    'the page has the same workers');
is($count{'Checks paid today (UTC)'}, $n->{checksToday}, '... and checks');
is($count{'Tasks active'}, $n->{tasksActive}, '... and tasks');
is_deeply([ map { $_->findvalue('th') }
    $tree->findnodes('//table/tbody/tr') ], [ 'in:eu', 'own.task', 'task' ],
    '... each of which has its line');
($r, $tree) = page($w, '/?after=own.task', 'the tasks behind one');
is_deeply([ map { $_->findvalue('th') }
    $tree->findnodes('//table/tbody/tr') ], [ 'task' ], '... are the rest');
($r, my $join) = page($w, '/join', 'the page for who wants to join');
like($join->findvalue('(//pre)[1]'),
    qr{^coordinator = https://<b>&"'\.example/api$}m,
    '... has the command for this coordinator');
like($join->findvalue('(//pre)[2]'),
    qr/^CLAWROUTER_WORKER=1\nWORKER_REGION=/m, '... and for the reference');

# ---- Payouts ----

# One is final by what make_payouts says of a chain, another one begins.
# Other forms of the address aren't kept yet.
my $upper = '0x' . uc substr($one->{address}, 2);
spurt($w->dir('payouts'), "reserve $one->{address} 100\nsign 1\n" .
    "submit 1 https://f.example/settle\npost 1 0\nfinal 1\n" .
    "reserve $one->{address} 200\n");
{
	my ($code, $out, $err) = run_command('sh', '-c', 'exec "$0" "$@" <' .
	    $w->dir('payouts'), build_path('t/tools/make_payouts'), '--db',
	    $w->ledger_path);
	is($code, 0, 'a payout is final, and one begins') or diag($out, $err);
}
$status = get($w, "/api/v1/worker/$upper/status");
fits('/v1/worker/{address}/status', 200, $status, 'who was paid');
$told = json_value($status->{body});
is_deeply([ @{$told}{qw(earnedMicros owedMicros inFlightMicros paidMicros)} ],
    [ 600, 300, 200, 100 ], 'what was earned is owed, in flight and paid');
$shown = json_value($w->worknet('worker', 'show', $one->{address}, '--json'));
is_deeply({ map { $_ => $told->{$_} } @same },
    { map { $_ => $shown->{$_} } @same }, '... as worknet worker show says');
my $listed = json_value($w->worknet('payout', 'list', '--json'))->{payouts};
is_deeply([ map { [ @{$_}{qw(number state amountMicros paidMicros transaction)} ]
    } @{ $told->{payouts} } ], [ map { [ @{$_}{qw(seq state amountMicros
    paidMicros transaction)} ] } @$listed ],
    'its payouts are those of worknet payout list');
my $paid = $told->{payouts}[1];
like($paid->{transaction} // '', qr/^0x[0-9a-f]{64}$/, 'a paid one has its transaction');
($r, $tree) = page($w, "/worker/$upper", 'a page with payouts');
is($tree->findvalue('//td[contains(@class, "hash")]/a/@href'), $paid->{link} // '',
    '... has the link of the JSON');
is($tree->findvalue('//td[contains(@class, "hash")]/a'), $paid->{link} ?
    $paid->{transaction} : '', '... under the transaction');

# ---- Payout runs ----

# Runs that began so many seconds before now, in their order; what the JSON and
# the page then say of the next one.
sub next_run {
	my (@runs) = @_;
	my $now = now_ms();

	$w->sql('DELETE FROM payout_run');
	for (@runs) {
		my ($ago, $reconcile) = ref $_ ? @$_ : ($_, 0);
		$w->sql("INSERT INTO payout_run (began_ms, reconcile) VALUES " .
		    "($now - $ago * 1000, $reconcile)");
	}
	my $s = json_value($c->get("/v1/worker/$one->{address}/status")->{body});
	my $page = $c->get("/worker/$one->{address}")->{body};
	my ($text) = $page =~ m{Next payout run</dt><dd>(.*?)</dd>}s;
	my @said = map { defined $s->{$_} ? ($s->{$_} -
	    (/Every/ ? 0 : $now)) / 1000 : 'null' }
	    qw(lastRunMs runEveryMs nextRunMs);

	return "@said; " . $text =~ s/<[^>]+>//gr =~
	    s/\d{4}-\d\d-\d\d [\d:]+ UTC/TIME/r;
}
is(next_run(), 'null null null; not known yet', 'before the first run none is known');
is(next_run(800, 200), '-200 null null; not known yet',
    'two runs are no rhythm');
is(next_run(1400, 801, 200), '-200 600 400; about TIME, as there usually is one ' .
    'every 10 min', 'after three the next one is told');
is(next_run(9000, 3200, 2600, 2000, 1900, 1400, 800, 200), '-200 600 400; about TIME, ' .
    'as there usually is one every 10 min', 'one by hand and a pause change nothing');
is(next_run(1400, 800, 200, [ 100, 1 ]), '-200 600 400; about TIME, as there ' .
    'usually is one every 10 min', 'nor one that only looked');
is(next_run(3400, 2800, 2200), '-2200 600 null; overdue, as there usually is ' .
    'one every 10 min', 'one that should have been is overdue');
is(next_run(90, 60, 30), '-30 30 null; overdue, as there usually is one every ' .
    '30 s', 'also of runs that come close together');
is(next_run(1400, 800, 200, -3600), '3600 null null; not known yet',
    'nor does one that was ahead');
is(next_run(30, 60, 90), '-90 null null; not known yet',
    'a clock that was set back makes no rhythm');

# ---- Refusals ----

# Of forty-five days, two reasons each; fifteen of them are too long ago.
my $today;
do {	# again, if midnight comes between
	$today = int(now_ms() / 86400000);
	$w->sql("DELETE FROM refusal; INSERT INTO refusal SELECT w.id, $today - " .
	    "value / 2, 'reason ' || (value % 2), value + 1 FROM worker w, " .
	    "generate_series(0, 89) WHERE w.address = '" . lc($one->{address}) .
	    "'");
	$told = json_value($c->get("/v1/worker/$one->{address}/status")->{body});
	$tree = XML::LibXML->new(no_network => 1)->parse_string($c->get(
	    "/worker/$one->{address}")->{body} =~ s/\A<!DOCTYPE html>\n//r);
} while ($today != int(now_ms() / 86400000));
is(scalar @{ $told->{refusals} }, 60, 'refusals of thirty days are told');
is($told->{refused}, 60 * 61 / 2, '... and their sum');
is_deeply($told->{refusals}[0], { dayMs => $today * 86400000, reason =>
    'reason 1', results => 2 }, '... the newest first, and of a day the most');
is_deeply([ map { [ map { $_->textContent } $_->findnodes('td') ] }
    $tree->findnodes('//h2[.="Refused"]/following::table[1]/tbody/tr') ],
    [ map { [ strftime('%Y-%m-%d', gmtime($_->{dayMs} / 1000)), $_->{results},
    $_->{reason} ] } @{ $told->{refusals} } ], '... as its page does');
like($tree->findvalue('//h2[.="Refused"]/following::p[1]'),
    qr/^In all $told->{refused}\./, '... with the same sum');

# ---- Hostile text ----

$w->sql("INSERT INTO transfer (id, at_ms, kind, debit, credit, amount_micros, " .
    "hash, format) SELECT max(id) + 1, max(at_ms), 'forfeit', (SELECT id FROM " .
    "worker WHERE address = '" . lc($one->{address}) . "'), 1, 50, " .
    "zeroblob(32), 1 FROM transfer; UPDATE account SET balance_micros = " .
    "balance_micros - 50 WHERE id = (SELECT id FROM worker WHERE address = '" .
    lc($one->{address}) . "'); UPDATE account SET balance_micros = " .
    "balance_micros + 50 WHERE id = 1; INSERT INTO forfeit SELECT max(id), 0, " .
    "'operator', '</td><script>alert(1)</script>\"''&' || char(8238) || " .
    "char(7) || 'x' FROM transfer");
# Another form of the address, which isn't kept yet.
($r, $tree) = page($w, '/worker/' . lc $one->{address}, 'a page with hostile text');
unlike($r->{body} =~ s{<script src="/again\.js" defer=""></script>}{}r, qr/<script/,
    '... has no script in it but its own');
is($tree->findvalue('//td[@class="text"]'),
    "</td><script>alert(1)</script>\"'&\x{fffd}\x{fffd}x",
    '... but the text, without what isn\'t seen');
($r, $tree) = page($w, '/?after=a', 'a page with a hostile region');
is($tree->findvalue('//table/tbody/tr[1]/td[5]'), '<i>&"eu',
    '... shows it as it is');
unlike($r->{body}, qr/S3CRET|secret\.example/, 'no page shows a task\'s URL');
$told = json_value(get($w, '/api/v1/worker/' . lc($one->{address}) . '/status')
    ->{body});
is($told->{forfeitedMicros}, 50, 'a forfeit is told');
is($told->{earnedMicros}, 600, '... and what was earned stays so much');

# ---- All transfers, page by page ----

# 230 older credits, another worker's between them, and a payout that came back.
my ($id, $other) = map { $w->sql_value("SELECT id FROM worker WHERE address = '" .
    lc($_->{address}) . "'") } $one, $two;
$w->sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE " .
    'i < 460) INSERT INTO transfer (id, at_ms, kind, debit, credit, ' .
    'amount_micros, hash, format) SELECT m.id + i, m.at_ms, CASE i WHEN 9 THEN ' .
    "'reserve' WHEN 11 THEN 'void' ELSE 'credit' END, CASE i WHEN 9 THEN $id " .
    "WHEN 11 THEN 2 ELSE 1 END, CASE WHEN i = 9 THEN 2 WHEN i % 2 = 0 THEN " .
    "$other ELSE $id END, CASE WHEN i IN (9, 11) THEN 300 ELSE i END, " .
    'zeroblob(32), 1 FROM n, (SELECT max(id) AS id, max(at_ms) AS at_ms FROM ' .
    'transfer) m');
$w->sql("UPDATE account SET balance_micros = (SELECT sum(CASE credit WHEN $_ " .
    'THEN amount_micros ELSE -amount_micros END) FROM transfer WHERE ' .
    "$_ IN (credit, debit)) WHERE id = $_") for $id, $other;
my ($before, @all, @lines, @pages);
my $base = "/worker/$one->{address}/transfers";
do {
	my $query = defined $before ? "?before=$before" : '';
	$r = get($w, "/api/v1$base$query");
	fits('/v1/worker/{address}/transfers', 200, $r, 'a page of transfers');
	$told = json_value($r->{body});
	push @all, @{ $told->{transfers} };
	push @pages, scalar @{ $told->{transfers} };
	(undef, $tree) = page($w, "$base$query", 'its page');
	push @lines, map { [ map { $_->textContent } $_->findnodes('td') ] }
	    $tree->findnodes('//table/tbody/tr');
	$before = $told->{nextBefore};
	is($tree->findvalue('//a[.="Older ones"]/@href'), defined $before ?
	    "$base?before=$before" : '', '... which leads to the next');
} while (defined $before);
is_deeply([ @pages[0, 1], scalar @pages ], [ 100, 100, 3 ],
    'all transfers are told, a hundred at once');
my $sum = 0;
$sum += $_->{micros} for @all;
is($sum, $told->{owedMicros}, '... whose sum is what is owed');
is($sum, json_value($w->worknet('worker', 'show', $one->{address}, '--json'))
    ->{owedMicros}, '... by worknet worker show, too');
is_deeply([ map { $_->{id} } @all ], [ split ' ', $w->sql_text('SELECT id ' .
    "FROM transfer WHERE $id IN (credit, debit) ORDER BY id DESC") ],
    '... each once, the newest first, and nobody else\'s');
is_deeply([ map { [ @$_[0, 2] ] } @lines ], [ map { [ $_->{id},
    sprintf('%s%.6f', $_->{micros} < 0 ? '-' : '', abs($_->{micros}) / 1e6) ] }
    @all ], '... as its pages do');
my %signs = map { $_->{kind} . ($_->{micros} < 0 ? ' -' : ' +') => 1 } @all;
is_deeply([ sort keys %signs ], [ 'credit +', 'forfeit -', 'reserve -', 'void +' ],
    '... what went has a minus');
is($all[-1]{results}, 2, '... and of credit it is told for how many results');
is(json_value($c->get("/v1$base?before=$_")->{body})->{transfers}[0]
    {id}, $all[0]{id}, "before=$_ means the newest") for '0', '-1', '1x',
    '9' x 16, '9' x 60, '', '%31';
is(scalar @{ json_value($c->get("/v1$base?before=1")->{body})
    ->{transfers} }, 0, 'before the first there is none');
is(get($w, $_)->{status}, 404, "$_ gets 404") for "$base/", "$base/1",
    '/worker/0x12/transfers', '/api/v1/worker/0x12/transfers';

# ---- Headers, methods, what isn't there ----

($r) = get($w, '/');
is($r->{headers}{'content-security-policy'}, "default-src 'none'; " .
    "style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; " .
    "frame-ancestors 'none'; script-src 'self'; connect-src 'self'",
    'a page may load what is of this host alone');
is($r->{headers}{'set-cookie'}, undef, 'there are no cookies');
is($r->{headers}{'cache-control'}, 'public, max-age=10', 'it may be kept');
unlike($r->{body} =~ s{<script src="/(?:again|home)\.js" defer=""></script>}{}gr,
    qr/<script|<style|\sstyle=|\son[a-z]+=/,
    'nothing in it is a script or a style, but the names of two');
my $etag = $r->{headers}{etag};
like($etag, qr/^"0x[0-9a-f]{32}"$/, 'it has a tag');
$r = get($w, '/', 'If-None-Match' => $etag);
is("$r->{status} $r->{body}", '304 ', 'who has it already isn\'t sent it');
my $head = get($w, '/', method => 'HEAD');
is($head->{status}, 200, 'HEAD is answered');
is($head->{body}, '', '... without the body');
for my $path ('/', '/join', '/style.css', '/again.js', '/home.js', '/task.js', '/uplot.css', '/icon.svg', '/openapi.json', '/api/v1/network',
    "/worker/$one->{address}", "/api/v1/worker/$one->{address}/status") {
	$r = get($w, $path, method => 'POST', 'Content-Length' => 0);
	is("$r->{status} $r->{headers}{allow}", '405 GET, HEAD',
	    "POST $path isn't done");
}
# What isn't ours is sent as it is, behind its licence.
for (['uplot.js', 'uPlot.iife.min.js', 'text/javascript'],
    ['uplot.css', 'uPlot.min.css', 'text/css']) {
	my ($path, $file, $type) = @$_;
	my ($licence, $text) = map { slurp(source_path("src/page/uplot/$_")) =~
	    s/\n?\z/\n/r } 'LICENSE', $file;

	$r = get($w, "/$path", 'Accept-Encoding' => '');
	is($r->{body}, "/*\n$licence*/\n$text", "/$path is $file, and its licence");
	is($r->{headers}{'content-type'}, "$type; charset=utf-8", '... as such');
}
my $stranger = '0x' . '11' x 20;
fits('/v1/worker/{address}/status', 404, get($w,
    "/api/v1/worker/$stranger/status"), 'an unknown worker');
($r, $tree) = page($w, "/worker/$stranger", 'an unknown worker\'s page');
is($r->{status}, 404, '... gets 404');
is(get($w, '/worker/0x12')->{status}, 404, 'no address gets 404');
(my $wrong = $one->{address}) =~ tr/a-fA-F/A-Fa-f/;
is(get($w, "/worker/$wrong")->{status}, 404,
    'an address with a wrong checksum gets 404');
is(get($w, $_)->{status}, 404, "$_ gets 404")
    for '/worker/', '/index.html', '/worker/x/y', '/api/', '/api/join',
    '/v1/network';

# ---- What they cost ----

# No statement walks what grows with the ledger: each finds its rows by a key or
# by an index of the worker's own lines.
my %sql = slurp(source_path('sql/queries.sql')) =~
    /^-- :name (\w+)\n((?:(?!^-- :name).*\n)*?.*;)$/mg;
for my $name (qw(worker_get credited_newest worker_payouts worker_credits
    worker_transfers
    forfeit_list worker_held active_workers active_regions active_results
    shown_tasks shown_checks uptime_days)) {
	my @plan = split /\n/, $w->sql_text("EXPLAIN QUERY PLAN $sql{$name}");
	cmp_ok(scalar @plan, '>', 1, "$name has a plan");
	# What the plan has made itself has a limit.
	my %made = map { /CO-ROUTINE (\w+)/ ? ($1 => 1) : () } @plan;
	is_deeply([ grep { /SCAN (\w+)/ && !$made{$1} } @plan ], [],
	    '... that walks no table') or diag("@plan");
}

# ---- What is kept ----

my $asked;

# How often the coordinator was asked for the first page, or that file.
sub asked {
	my ($path) = @_;
	my $route = quotemeta($path // '/');
	my $text = $c->get('/metrics', params => { WORKNET_LOCAL => 1 })->{body};
	my $n = 0;

	$n += $1 while $text =~ /^worknet_requests_total\{route="$route",.*\} (\d+)$/mg;
	return $n;
}

# What is no part of an answer is none of its name, either: nobody makes the
# coordinator work by it. This one is kept for an hour.
my $css = get($w, '/style.css')->{body};
$asked = asked('/style.css');
get($w, "/style.css?$_") for qw(after=1 before=1 days=7 x=1 after=%00);
for ([ Host => 'evil.example' ],
    [ Host => '127.0.0.1:1' ], [ 'X-Forwarded-Host' => 'evil.example' ]) {
	my ($name, $value) = @$_;
	my $r = get($w, '/style.css', $name => $value);

	is("$r->{status} $r->{body}", "200 $css", "$name: $value gets the same");
}
is(asked('/style.css'), $asked,
    'nor does a query, a host or a header make another page of it');

# Of another key, so that it isn't kept yet.
$asked = asked();
is(get($w, '/?after=0', 'Accept-Encoding' => 'gzip')->{status}, 200,
    'a page that nginx hasn\'t is asked for');
is(asked(), $asked + 1, '... once');
get($w, '/?after=0', 'Accept-Encoding' => $_ % 2 ? 'gzip' : 'identity')
    for 1 .. 20;
is(asked(), $asked + 1, '... and twenty readers of it ask nothing more');

is(get($w, '/api/v1/network')->{body}, $net->{body},
    'an answer is kept for some seconds');
is($w->stop, 0, 'the coordinator stops');
is(get($w, '/api/v1/network')->{status}, 200,
    'and what was kept is still shown');
is(get($w, "/worker/$two->{address}")->{status}, 503,
    '... and nothing else');
$w->{conf}{pages}{show} = 'no';
$w->conf_write;
$w->start;
$c = $w->fcgi;
is($c->get('/join')->{status}, 404, 'without [pages] show there are none');
is($c->get('/health')->{status}, 200, '... but all else');
$w->stop;
$w->log_ok;

# ---- More tasks than a page has ----

$w = WorknetTest->new->init;
$w->task_add(sprintf 'task%03d', $_) for 1 .. 101;
$w->sql("INSERT INTO network VALUES (1, '198.51.100.0/24'), (2, '192.0.2.0/24');" .
    'INSERT INTO incident (task, from_ms, to_ms, ended, networks) SELECT id, ' .
    now_ms() . " - 7200000, NULL, 'open', '1 2' FROM task WHERE name = 'task101'");
$w->start;
$c = $w->fcgi;
like($c->get('/')->{body}, qr{Of no task here .*? More tasks are behind these},
    'the first page doesn\'t speak for those behind it');
is_deeply(json_value($c->get('/v2/status.json')->{body})->{status},
    { indicator => 'major', description => 'Some tasks are down' },
    'an outage of a task that isn\'t listed is told to aggregators');
my ($open) = @{ json_value($c->get('/v2/summary.json')->{body})->{incidents} };
is("$open->{name}: " . @{ $open->{components} }, 'task101 is down: 0',
    '... as is the incident, without the component');
$w->stop;

done_testing;
