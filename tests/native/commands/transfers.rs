//! RETR, STOR, STOU, APPE, LIST, NLST, MLSD, ABOR.

use super::transcripts;

transcripts! {
    nothing_moves_before_the_login_or_without_a_connection: r#"
        [nobody]
        RETR file => 530
        STOR file => 530
        STOU => 530
        APPE file => 530
        LIST => 530
        NLST => 530
        MLSD => 530
        ABOR => 530
        [demo]
        RETR file => 425
        STOR new => 425
        STOU => 425
        APPE file => 425
        LIST => 425
        NLST => 425
        MLSD => 425
        ABOR => 226
        SIZE new => 550
    "#

    files_come_as_they_are: r#"
        [demo]
        TYPE I => 200
        RETR file -> 12345 => 226
        RETR two words -> x => 226
        RETR inbox/../inbox/./two -> 22 => 226
        RETR => 501
        EPSV => 229
        RETR missing => 550
        EPSV => 229
        RETR inbox => 550
        RETR file/ -> 12345 => 226
        EPSV => 229
        RETR ../../../../etc/passwd => 550
        EPSV => 229
        RETR file\0 => 553
        EPSV => 229
        RETR fi\rle => 553
        RETR \xc3( => 553
        RETR {9000*f} => 500
        EPSV => 229
        RETR {8000*f} => 553
        EPSV => 229
        RETR "file" => 550
        EPSV => 229
        RETR -1 => 550
        NOOP => 200
    "#

    files_are_stored_replaced_and_made_longer: r#"
        [demo]
        TYPE I => 200
        STOR new <- one => 226
        RETR new -> one => 226
        STOR new <- => 226
        RETR new -> => 226
        APPE new <- one => 226
        APPE new <- two => 226
        RETR new -> onetwo => 226
        APPE other <- made => 226
        RETR other -> made => 226
        STOR "quoted" <- q => 226
        SIZE "quoted" => 213 1
        STOR -1 <- minus => 226
        RETR -1 -> minus => 226
        STOR ../../../up <- clamped => 226
        RETR /up -> clamped => 226
    "#

    uploads_to_nowhere_are_refused_at_once: r#"
        [demo]
        STOR => 501
        APPE => 501
        EPSV => 229
        STOR inbox => 550
        EPSV => 229
        APPE inbox => 550
        EPSV => 229
        STOR missing/new => 550
        EPSV => 229
        APPE missing/new => 550
        EPSV => 229
        STOR file/new => 550
        EPSV => 229
        STOR / => 550
        EPSV => 229
        STOR new\0 => 553
        EPSV => 229
        STOR new\rDELE file => 553
        EPSV => 229
        APPE new\0 => 553
        STOR \xc3( => 553
        APPE \xc3( => 553
        EPSV => 229
        STOR {256*n} => 553
        EPSV => 229
        APPE {8000*n} => 553
        STOR {9000*n} => 500
        SIZE file => 550
        TYPE I => 200
        SIZE file => 213 5
    "#

    /// RFC 1123, section 4.1.2.9: the name stands behind "FILE: " in the first reply.
    a_unique_name_ignores_what_is_asked_for: r#"
        [demo]
        CWD empty => 250
        STOU <- first => 226
        STOU ../file <- second => 226
        STOU -1 <- third => 226
        STOU \xff => 553
        NLST ~> upload-2 => 226
        TYPE I => 200
        RETR /file -> 12345 => 226
    "#

    directories_are_listed: r#"
        [demo]
        LIST ~> file\r\n => 226
        LIST inbox ~> one\r\n => 226
        LIST -la inbox ~> two\r\n => 226
        LIST file ~> 5 Feb\s\s3\s\s2020 file\r\n => 226
        NLST file -> file\r\n => 226
        NLST inbox/o* -> inbox/one\r\n => 226
        NLST inbox/x* -> => 226
        NLST empty -> => 226
        MLSD inbox ~> type=file;size=1; => 226
        MLSD empty -> => 226
        LIST ../../inbox ~> one\r\n => 226
        LIST -1 ~> file\r\n => 226
    "#

    what_is_not_there_can_not_be_listed: r#"
        [demo]
        EPSV => 229
        LIST missing => 550
        EPSV => 229
        NLST missing => 550
        # 501 here would end the synchronisation of some clients.
        EPSV => 229
        MLSD missing => 550
        # RFC 3659, section 7.2.1: that it is a file is an error of the argument.
        EPSV => 229
        MLSD file => 501
        EPSV => 229
        LIST ../../../../etc => 550
        EPSV => 229
        LIST inbox\0 => 553
        EPSV => 229
        NLST in\rbox => 553
        EPSV => 229
        MLSD inbox\0 => 553
        LIST \xff => 553
        NLST \xff => 553
        MLSD \xff => 553
        LIST {9000*l} => 500
        NLST {9000*l} => 500
        MLSD {9000*l} => 500
        EPSV => 229
        LIST 99999999999999999999 => 550
        EPSV => 229
        NLST "inbox" => 550
        EPSV => 229
        LIST [ => 550
        NOOP => 200
    "#

    /// RFC 959, section 4.1.3: without a transfer there is nothing to abort, but a connection that waits is closed.
    abor_forgets_what_was_prepared: r#"
        [demo]
        ABOR => 226 no transfer is under way
        ABOR \0 => 226
        EPSV => 229
        ABOR -1 => 226 the data connection that was prepared is closed
        LIST => 425
        TYPE I => 200
        REST 3 => 350
        ABOR => 226
        RETR file -> 12345 => 226
    "#
}
