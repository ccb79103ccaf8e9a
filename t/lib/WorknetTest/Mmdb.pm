# Databases of addresses in MMDB format, which Perl's MaxMind::DB::Writer makes:
# not the library that reads them here.
package WorknetTest::Mmdb;

use strict;
use warnings;

use Exporter 'import';
use Test::More ();

use WorknetTest qw(build_path slurp spurt);

our @EXPORT_OK = qw(mmdb_write mmdb_built asn country);

# Whether such databases can be made here, and read by what was built.
sub is_here {
	return slurp(build_path('config.status')) =~ /-DHAVE_MAXMINDDB=1/ &&
	    eval { require MaxMind::DB::Writer::Tree };
}

# Begins a test that needs it.
sub need {
	is_here() or Test::More::plan(
	    skip_all => 'no libmaxmind-db-writer-perl, or built without ' .
	    'libmaxminddb');
}

my %types = (autonomous_system_number => 'uint32', country => 'map',
    iso_code => 'utf8_string', country_code => 'utf8_string');

# Entries, as GeoLite2 and DB-IP lite have them.
sub asn { return { autonomous_system_number => $_[0] } }
sub country { return { country => { iso_code => $_[0] } } }

# A database in the place of $path: of each network its entry. Of IPv6, which
# has IPv4, too, unless ip_version says 4.
sub mmdb_write {
	my ($path, $networks, %opt) = @_;
	my $tree = MaxMind::DB::Writer::Tree->new(ip_version => 6,
	    record_size => 24, database_type => 'Test',
	    languages => ['en'], description => { en => 'of a test' },
	    remove_reserved_networks => 0,
	    map_key_type_callback => sub { $types{$_[0]} }, %opt);

	$tree->insert_network($_, $networks->{$_}) for sort keys %$networks;
	open(my $out, '>', "$path.new") or die "$path.new: $!";
	binmode $out;
	$tree->write_tree($out);
	close($out) or die "$path.new: $!";
	rename("$path.new", $path) or die "$path: $!";
}

# From now on it says that it was made then (seconds): the four last bytes of a
# number of 64 bits.
sub mmdb_built {
	my ($path, $when) = @_;
	my $bytes = slurp($path);

	$bytes =~ s/(build_epoch\x04\x02).{4}/$1 . pack('N', $when)/es or
	    die "$path: no build_epoch";
	spurt($path, $bytes);
}

1;
