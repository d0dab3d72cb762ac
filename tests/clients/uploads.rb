# Uploads every file of a folder over TLS 1.3 with Ruby's net-ftp, and does what a person does: uploads.rb HOST PORT CA FOLDER
#
# Prints nothing and ends with status 0 if every step did what it should.

require "net/ftp"
require "openssl"

host, port, ca, folder = ARGV
tls = { ca_file: ca, verify_mode: OpenSSL::SSL::VERIFY_PEER, min_version: OpenSSL::SSL::TLS1_3_VERSION }
ftp = Net::FTP.new(host, port: port.to_i, ssl: tls, private_data_connection: true, username: "demo", password: "demo")
ftp.passive = true
Dir.children(folder).sort.each { |name| ftp.putbinaryfile(File.join(folder, name), name) }

# Text goes as text, and back.
File.write("text", "one\ntwo\n")
ftp.puttextfile("text", "ruby.txt")
ftp.gettextfile("ruby.txt", "text back")
raise "text" unless File.read("text back") == "one\ntwo\n"

ftp.mkdir("ruby")
ftp.chdir("ruby")
ftp.putbinaryfile("text", "text")
raise "size" unless ftp.size("text") == 8
raise "nlst" unless ftp.nlst == ["text"]
raise "mlsd" unless ftp.mlsd.map(&:pathname) == ["text"]
raise "list" unless ftp.list("-la").length == 1
ftp.delete("text")
ftp.chdir("..")
ftp.rmdir("ruby")
ftp.quit
