<?php
// Files both ways over TLS with PHP's ftp extension: transfers.php HOST PORT
// PBSZ and PROT come before USER. Prints nothing and ends with status 0 if every step did what it should.

[, $host, $port] = $argv;

function demand(mixed $result, string $step): mixed
{
    if ($result === false || $result === -1) {
        fwrite(STDERR, "$step: " . (error_get_last()["message"] ?? "") . "\n");
        exit(1);
    }
    return $result;
}

$ftp = demand(ftp_ssl_connect($host, (int) $port, 30), "connect");
demand(ftp_login($ftp, "demo", "demo"), "login");
demand(ftp_pasv($ftp, true), "pasv");
$content = str_repeat("0123456789\n", 30000);
file_put_contents("up", $content);
for ($number = 0; $number < 10; $number++) {
    demand(ftp_put($ftp, "php $number", "up", FTP_BINARY), "put");
}
demand(ftp_get($ftp, "down", "php 9", FTP_BINARY), "get");
demand(file_get_contents("down") === $content, "content");
demand(ftp_size($ftp, "php 9") === strlen($content), "size");
// Resume both ways.
file_put_contents("down", substr($content, 0, 1000));
demand(ftp_get($ftp, "down", "php 9", FTP_BINARY, FTP_AUTORESUME), "resume");
demand(file_get_contents("down") === $content, "resumed content");
demand(ftp_append($ftp, "php 9", "up", FTP_BINARY), "append");
demand(ftp_size($ftp, "php 9") === 2 * strlen($content), "size after append");
// Text, as text.
demand(ftp_put($ftp, "php.txt", "up", FTP_ASCII), "put text");
demand(ftp_get($ftp, "text", "php.txt", FTP_ASCII), "get text");
demand(file_get_contents("text") === $content, "content of text");
demand(ftp_mkdir($ftp, "php"), "mkdir");
demand(ftp_chdir($ftp, "php"), "chdir");
demand(ftp_put($ftp, "inner", "up", FTP_BINARY), "put");
demand(count(demand(ftp_mlsd($ftp, "."), "mlsd")) === 1, "entries of mlsd");
demand(ftp_nlist($ftp, "") === ["inner"], "nlist");
demand(count(demand(ftp_rawlist($ftp, "-la"), "rawlist")) === 1, "lines of rawlist");
demand(ftp_rename($ftp, "inner", "renamed"), "rename");
demand(ftp_delete($ftp, "renamed"), "delete");
demand(ftp_cdup($ftp), "cdup");
demand(ftp_rmdir($ftp, "php"), "rmdir");
demand(ftp_close($ftp), "close");
