# Fresh results with signatures as in t/vectors/signed-results-odd.json.
package WorknetTest::Odd;

use strict;
use warnings;

use Exporter 'import';
use Math::BigInt;

our @EXPORT_OK = qw(odd_signatures split_signature join_signature
    high_s);

my $ORDER = Math::BigInt->from_hex('fffffffffffffffffffffffffffffffebaaedce6' .
    'af48a03bbfd25e8cd0364141');

sub hex64 { return substr('0' x 64 . substr($_[0]->as_hex, 2), -64) }

# The other s of the same signature, whose v is the other one, too.
sub high_s { return hex64($ORDER - Math::BigInt->from_hex($_[0])) }

# Takes 0x-hex apart into r, s (64 digits each) and v (a number).
sub split_signature {
	my ($text) = @_;

	$text =~ /^0x(.{64})(.{64})(..)$/ or die "no signature: $text";
	return ($1, $2, hex $3);
}

sub join_signature {
	my ($r, $s, $v) = @_;

	return sprintf('0x%s%s%02x', $r, $s, $v);
}

# How each case changes a signed result. valid: it must still earn.
my @cases = (
	{ case => 'v as 0/1 instead of 27/28', valid => 1,
	    sig => sub { $_[2] -= 27 } },
	{ case => 'the signature as it was made', valid => 1,
	    sig => sub { } },
	{ case => 'upper-case digits in the signature', valid => 1,
	    text => sub { '0x' . uc substr($_[0], 2) } },
	{ case => 'high-s twin of a valid signature', sig => sub {
	    $_[1] = hex64($ORDER - Math::BigInt->from_hex($_[1]));
	    $_[2] = 55 - $_[2] } },
	{ case => 'high-s twin with v as 0/1', sig => sub {
	    $_[1] = hex64($ORDER - Math::BigInt->from_hex($_[1]));
	    $_[2] = 28 - $_[2] } },
	{ case => 'the other v', sig => sub { $_[2] = 55 - $_[2] } },
	{ case => 'r is zero', sig => sub { $_[0] = '0' x 64 } },
	{ case => 's is zero', sig => sub { $_[1] = '0' x 64 } },
	{ case => 'r is the group order', sig => sub {
	    $_[0] = hex64($ORDER) } },
	{ case => 's is the group order', sig => sub {
	    $_[1] = hex64($ORDER) } },
	{ case => 's is the largest number', sig => sub {
	    $_[1] = 'f' x 64 } },
	(map { my $v = $_; { case => "v is $v", sig => sub { $_[2] = $v } } }
	    2, 26, 29, 30, 31, 37, 255),
	{ case => 'all zero', sig => sub { @_[0, 1, 2] = ('0' x 64) x 2;
	    $_[2] = 0 } },
	{ case => '64 bytes only', text => sub { substr($_[0], 0, -2) } },
	{ case => '66 bytes', text => sub { "$_[0]00" } },
	{ case => 'half a byte more', text => sub { "$_[0]0" } },
	{ case => 'no 0x', text => sub { substr($_[0], 2) } },
	{ case => '0X', text => sub { '0X' . substr($_[0], 2) } },
	{ case => 'not hex', text => sub { '0x' . 'z' x 130 } },
	{ case => 'empty', text => sub { '0x' } },
	{ case => 'nothing at all', text => sub { '' } },
	{ case => 'success flipped after signing', result => sub {
	    $_[0]{success} = $_[0]{success} ? JSON::PP::false :
	    JSON::PP::true;
	    $_[0]{statusCode} = $_[0]{success} ? 200 : 503 } },
	{ case => 'timestamp off by one after signing', result => sub {
	    $_[0]{timestamp}-- } },
	{ case => 'address case changed after signing', result => sub {
	    $_[0]{workerAddress} = lc $_[0]{workerAddress} } },
	{ case => 'signed with another worker\'s key', other => 1 },
);

# A list of { case, valid, result } for a task that $worker holds often
# enough; $next gives a timestamp that wasn't used.
sub odd_signatures {
	my ($w, $worker, $other, $task, $next) = @_;

	return map {
		my $result = $w->result($worker, $task,
		    timestamp => $next->());
		my @parts = split_signature($result->{signature});

		# Off by one must not meet another result's timestamp.
		$next->();
		$_->{sig}->(@parts) if $_->{sig};
		$result->{signature} = join_signature(@parts);
		$result->{signature} = $_->{text}->($result->{signature})
		    if $_->{text};
		$_->{result}->($result) if $_->{result};
		$result->{signature} = $w->result($other, $task,
		    timestamp => $result->{timestamp})->{signature}
		    if $_->{other};
		{ case => $_->{case}, valid => $_->{valid},
		    result => $result };
	} @cases;
}

1;
