# Uploads every file of a folder over TLS 1.3 with Perl's Net::FTP: uploads.pl HOST PORT CA FOLDER
#
# Prints nothing and ends with status 0 if every step did what it should.

use strict;
use warnings;
use Net::FTP;

my ($host, $port, $ca, $folder) = @ARGV;
my $ftp = Net::FTP->new($host, Port => $port, Timeout => 30, Passive => 1, SSL_ca_file => $ca, SSL_version => "TLSv1_3")
  or die "connect: $@";
# PBSZ and PROT come before USER.
$ftp->starttls or die "starttls: " . $ftp->message;
$ftp->prot("P") or die "prot: " . $ftp->message;
$ftp->login("demo", "demo") or die "login: " . $ftp->message;
$ftp->binary;
opendir(my $names, $folder) or die "$folder: $!";
for my $name (sort grep { !/^\./ } readdir $names) {
    $ftp->put("$folder/$name", $name) or die "put $name: " . $ftp->message;
}
$ftp->mkdir("perl") or die "mkdir: " . $ftp->message;
$ftp->cwd("perl") or die "cwd: " . $ftp->message;
my $listed = $ftp->ls("-a") or die "ls: " . $ftp->message;
die "ls: @$listed" if grep { !/^\.\.?$/ } @$listed;
$ftp->cdup or die "cdup: " . $ftp->message;
$ftp->rmdir("perl") or die "rmdir: " . $ftp->message;
$ftp->quit;
