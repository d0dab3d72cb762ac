//! Commands on files and directories that need no data connection.

use super::transcripts;

transcripts! {
    nothing_is_changed_or_told_before_the_login: r#"
        [nobody]
        RNFR file => 530
        RNTO other => 530
        DELE file => 530
        RMD empty => 530
        XRMD empty => 530
        MKD new => 530
        XMKD new => 530
        SIZE file => 530
        MDTM file => 530
        MLST file => 530
        MFMT 20200203040506 file => 530
        MFF Modify=20200203040506; file => 530
        HASH file => 530
        XCRC file => 530
        XMD5 file => 530
        XSHA file => 530
        XSHA1 file => 530
        XSHA256 file => 530
        XSHA512 file => 530
        AVBL => 530
        SITE HELP => 530
        [demo]
        TYPE I => 200
        RETR file -> 12345 => 226
    "#

    files_get_other_names: r#"
        [demo]
        RNTO other => 503
        RNFR => 501
        RNFR missing => 550
        RNTO other => 503
        # What RNFR said is for the next command alone.
        RNFR file => 350
        RNTO => 501
        RNTO other => 503
        RNFR file => 350
        PWD => 257
        RNTO other => 503
        RNFR file => 350
        RNTO other => 250
        RNTO again => 503
        MLST other => 250
        MLST file => 550
        RNFR inbox => 350
        RNTO empty/inbox => 250
        MLST empty/inbox/one => 250
        RNFR other => 350
        RNTO missing/other => 550
        RNFR other => 350
        RNTO empty => 550
        RNFR empty => 350
        RNTO empty/inbox/below => 553
        RNFR other\0 => 553
        RNFR other => 350
        RNTO new\rDELE other => 553
        RNFR other => 350
        RNTO \xff => 553
        RNFR \xff => 553
        RNFR {8000*r} => 553
        RNTO {9000*r} => 500
        RNFR ../../../other => 350
        RNTO ../../"other" => 250
        MLST "other" => 250
        RNFR / => 550
        RNTO root => 503
        RNFR -1 => 550
    "#

    files_and_directories_go: r#"
        [demo]
        DELE => 501
        DELE missing => 550
        DELE inbox => 550
        DELE file\0 => 553
        DELE \xff => 553
        DELE {8000*d} => 553
        DELE ../../../etc/passwd => 550
        DELE file/ => 250
        DELE file => 550
        RMD => 501
        RMD missing => 550
        RMD inbox => 550
        RMD two words => 550
        RMD / => 550
        RMD .. => 550
        RMD empty\0 => 553
        RMD \xff => 553
        RMD empty => 250
        RMD empty => 550
        XRMD => 501
        XRMD quo"te => 250
        XRMD -1 => 550
        XRMD \xff => 553
        DELE inbox/one => 250
        DELE inbox/two => 250
        RMD inbox/ => 250
    "#

    directories_are_made: r#"
        [demo]
        MKD => 501
        MKD new => 257 "/new"
        MKD new => 550
        MKD file => 550
        MKD new/a" => 257 "/new/a"""
        MKD missing/new => 550
        MKD / => 550
        MKD .. => 550
        MKD ../../../clamped => 257 "/clamped"
        MKD new\0 => 553
        MKD new\rDELE file => 553
        MKD \xc3( => 553
        MKD {256*n} => 553
        MKD {8000*n} => 553
        MKD {9000*n} => 500
        MKD -1 => 257 "/-1"
        XMKD => 501
        XMKD other => 257 "/other"
        XMKD other => 550
        XMKD \xff => 553
        SIZE file => 550
        TYPE I => 200
        SIZE file => 213 5
    "#

    sizes_and_times_are_told: r#"
        [demo]
        TYPE I => 200
        SIZE => 501
        SIZE file => 213 5
        SIZE two words => 213 1
        SIZE inbox => 550
        SIZE missing => 550
        SIZE ../../../etc/passwd => 550
        SIZE file\0 => 553
        SIZE \xff => 553
        SIZE {8000*s} => 553
        SIZE -1 => 550
        MDTM => 501
        MDTM file => 213 20200203040506
        MDTM inbox => 213 2
        MDTM missing => 550
        MDTM file\0 => 553
        MDTM \xff => 553
        MDTM {9000*m} => 500
        MDTM 20200203040506 => 550
    "#

    facts_are_told_of_one: r#"
        [demo]
        MLST => 250 type=dir;
        MLST file => 250 type=file;size=5;modify=20200203040506;
        MLST inbox/../file => 250 /file
        MLST two words => 250 /two words
        MLST quo"te => 250 /quo"te
        MLST missing => 550
        MLST file\0 => 553
        MLST \xff => 553
        MLST {8000*m} => 553
        MLST ../../../etc/passwd => 550
        MLST -1 => 550
    "#

    times_are_set: r#"
        [demo]
        MFMT => 501
        MFMT file => 501
        MFMT 20210102030405 => 501
        MFMT 20210102030405 file => 213 Modify=20210102030405; /file
        MDTM file => 213 20210102030405
        MFMT 20210102030405.678 file => 213
        MDTM file => 213 20210102030405
        MFMT 20211302030405 file => 501
        MFMT 2021010203040 file => 501
        MFMT 202101020304050 file => 501
        MFMT -0210102030405 file => 501
        MFMT 99999999999999 file => 501
        MFMT 20210102030405.x file => 501
        MFMT 20210102030405 missing => 550
        MFMT 20210102030405 file\0 => 553
        MFMT 20210102030405 \xff => 553
        MFMT 20210102030405 two words => 213
        MFMT 20210102030405 ../../../etc/passwd => 550
        MFF => 501
        MFF file => 501
        MFF Modify=20200101000000; => 501
        MFF Modify=20200101000000; file => 213
        MDTM file => 213 20200101000000
        MFF modify=20200101000001; file => 213
        MFF UNIX.mode=0777; file => 504
        MFF Create=20200101000000;Modify=20200101000000; file => 504
        MFF Modify; file => 501
        MFF ; file => 501
        MFF Modify=x; file => 501
        MFF Modify=-1; file => 501
        MFF Modify=20200101000000; missing => 550
        MFF Modify=20200101000000; file\0 => 553
        MFF \xff => 553
        # The old form: MDTM with a time before the name.
        MDTM 20220304050607 file => 213
        MDTM file => 213 20220304050607
        MDTM 20220304050607 missing => 550
        SITE UTIME 20230405060708 file => 213
        MDTM file => 213 20230405060708
        SITE UTIME 202304050607 two words => 213
        MDTM two words => 213 20230405060700
        SITE UTIME file 20190101000000 20190203040506 20190101000000 UTC => 213
        MDTM file => 213 20190203040506
        SITE UTIME two words 20190101000000 20190203040506 20190101000000 UTC => 213
        MDTM two words => 213 20190203040506
        SITE UTIME => 501
        SITE UTIME 20230405060708 => 501
        SITE UTIME x file => 501
        SITE UTIME 20230405060708 missing => 550
    "#

    checksums_are_told: r#"
        [demo]
        HASH => 501
        HASH file => 213 SHA-256 0-5 5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5 /file
        HASH missing => 550
        HASH inbox => 550
        HASH file\0 => 553
        HASH \xff => 553
        HASH {8000*h} => 553
        HASH ../../../etc/passwd => 550
        OPTS HASH => 200 SHA-256
        OPTS HASH md5 => 200 MD5
        HASH file => 213 MD5 0-5 827ccb0eea8a706c4c34a16891f84e7b /file
        OPTS HASH crc32 => 200
        HASH file => 213 CRC32 0-5 cbf53a1c
        OPTS HASH ROT13 => 501
        OPTS HASH SHA-1 => 200
        HASH file => 213 8cb2237d0679ca88db6464eac60da96345513964
        FEAT => 211 HASH SHA-256;SHA-512;SHA-1*;MD5;CRC32
        XCRC => 501
        XCRC file => 250 cbf53a1c
        XCRC "file" => 250 cbf53a1c
        XMD5 => 501
        XMD5 file => 250 827ccb0eea8a706c4c34a16891f84e7b
        XSHA => 501
        XSHA file => 250 8cb2237d0679ca88db6464eac60da96345513964
        XSHA1 => 501
        XSHA1 file => 250 8cb2237d0679ca88db6464eac60da96345513964
        XSHA256 => 501
        XSHA256 file => 250 5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5
        XSHA512 => 501
        XSHA512 file => 250 3627909a29c31381a071ec27f7c9ca97726182aed29a7ddd2e54353322cfb30abb9e3a6df2ac2c20fe23436311d678564d0c8d305930575f60e2d3d048184d79
        # Of a part: "234".
        XMD5 "file" 1 4 => 250 289dff07669d7a23de0ef88d2f7129e7
        XMD5 file 1 4 => 250 289dff07669d7a23de0ef88d2f7129e7
        XMD5 "file" 4 1 => 501
        XMD5 "file" -1 4 => 501
        XMD5 "file" x => 501
        XMD5 "file" 0 99999999999999999999 => 501
        XMD5 "file => 550
        XMD5 missing => 550
        XSHA inbox => 550
        XSHA1 ../../../etc/passwd => 550
        XSHA256 file\0 => 553
        XSHA512 \xff => 553
        XCRC {8000*x} => 553
        XCRC "two words" => 250
        XMD5 two words => 250
    "#

    room_is_told_where_it_is_known: r#"
        [demo]
        AVBL => 213
        AVBL inbox => 213
        AVBL missing => 550
        AVBL inbox\0 => 553
        AVBL \xff => 553
        AVBL {8000*a} => 553
    "#

    site_has_commands_of_its_own: r#"
        [demo]
        SITE => 501
        SITE HELP => 214 SITE UTIME
        SITE MD5 file => 213 827ccb0eea8a706c4c34a16891f84e7b
        SITE MD5 => 501
        SITE MD5 missing => 550
        SITE MD5 file\0 => 553
        SITE CHMOD 644 file => 200
        SITE CHMOD => 501
        SITE CHMOD 644 => 501
        SITE CHMOD rwx file => 501
        SITE CHMOD 648 file => 501
        SITE CHMOD 4755 file => 501
        SITE CHMOD 1204 file => 501
        SITE CHMOD 00644 file => 501
        SITE IDLE => 200 300 seconds
        SITE IDLE 60 => 200 60 seconds
        SITE IDLE 0 => 501
        SITE IDLE -1 => 501
        SITE IDLE x => 501
        SITE IDLE 7201 => 501
        SITE IDLE 99999999999999999999 => 501
        STAT => 211 silent for 60 seconds
        SITE EXEC /bin/sh => 504
        SITE ../.. => 504
        SITE \0 => 504
        SITE \xff => 553
        SITE {9000*s} => 500
    "#
}
