//! USER, PASS, ACCT, REIN, QUIT, HOST, and the working directory.

use super::transcripts;

transcripts! {
    a_user_logs_in_once: r#"
        [nobody]
        PASS demo => 503 USER comes first
        USER => 501
        USER demo => 331
        PASS demo => 230
        USER demo => 503
        PASS demo => 503
        HOST ftp.example.com => 503
        NOOP => 200
        [nobody]
        USER\s\sdemo\s => 331
        PASS demo => 230
    "#

    /// Nothing tells a name that is known from one that is not.
    a_wrong_login_is_refused_the_same_way: r#"
        [nobody]
        USER nobody => 331
        PASS demo => 530 Login failed.
        PASS demo => 503
        USER demo => 331
        PASS wrong => 530 Login failed.
        USER demo => 331
        PASS => 421 Login failed too often
        (end)
    "#

    hostile_names_and_passwords_are_only_wrong: r#"
        [nobody]
        USER demo\0 => 331
        PASS demo => 530
        USER \xc3(demo => 553
        PASS demo => 503
        USER {9000*u} => 500 too long
        USER ../demo => 331
        PASS demo => 530
        [nobody]
        USER demo => 331
        PASS \xc3( => 553
        USER demo => 331
        PASS {8000*p} => 530
        USER demo\sx => 331
        PASS demo => 530
        NOOP => 200
        [nobody]
        USER "demo" => 331
        PASS demo => 530
        USER demo\rPASS demo => 331
        PASS demo => 530
    "#

    /// HELO is no command of FTP; nor is what other protocols begin with.
    what_is_no_command_is_refused: r#"
        [nobody]
        HELO example.com => 500
        GET / HTTP/1.1 => 500
        \0 => 500
        \xfe\xfd => 500
        é => 500
        -1 => 500
        \s\s => 500
        user demo => 331
        \s\spass demo => 230
        nOoP => 200
    "#

    an_account_is_not_needed: r#"
        [nobody]
        ACCT => 501
        ACCT sales => 202
        ACCT ../.. => 202
        ACCT \xc3( => 553
        [demo]
        ACCT sales => 202
    "#

    /// RFC 7151, section 3: before USER, and the reply is a greeting.
    a_host_is_named_before_the_login: r#"
        [nobody]
        HOST => 501
        HOST ftp.example.com => 220
        HOST [::1] => 220
        HOST 192.0.2.7 => 220
        HOST ftp.example.com. => 220
        HOST ftp_1.example => 220
        HOST xn--mnchen-3ya.example\s => 220
        # Section 3.1: no port, and an IPv6 address stands in brackets.
        HOST ftp.example.com:21 => 501
        HOST ::1 => 501
        HOST [::1 => 501
        HOST [192.0.2.7] => 501
        HOST 192.0.2.256 => 501
        HOST 192.000.002.007 => 501
        HOST 1.2.3 => 501
        HOST two..dots => 501
        HOST .example => 501
        HOST -x => 501
        HOST * => 501
        HOST user@host => 501
        HOST %41 => 501
        HOST münchen.example => 501
        HOST two words => 501
        HOST {300*h} => 501
        HOST ftp.example.com\0 => 501
        HOST "quoted" => 501
        HOST \xff => 553
        USER demo => 331
        HOST ftp.example.com => 503
        PASS demo => 230
    "#

    rein_logs_out_and_makes_room_for_another_login: r#"
        [nobody]
        REIN => 220
        [demo]
        CWD inbox => 250
        EPSV ALL => 200
        TYPE I => 200
        REIN and what is behind it => 220
        PWD => 530
        PASS demo => 503
        USER demo => 331
        PASS demo => 230
        PWD => 257 "/"
        PASV => 227
        STAT => 211 TYPE: ASCII
    "#

    /// Who guesses passwords has to connect again after three, whatever stands in between.
    rein_does_not_pardon_failed_logins: r#"
        [nobody]
        USER demo => 331
        PASS one => 530
        REIN => 220
        USER demo => 331
        PASS two => 530
        REIN => 220
        USER demo => 331
        PASS three => 421 goodbye
        (end)
    "#

    quit_says_goodbye: r#"
        [nobody]
        QUIT => 221
        (end)
        [demo]
        QUIT -1 => 221
        (end)
        [demo over tls]
        QUIT => 221
        (end)
    "#

    /// CDUP answers as CWD does (RFC 959, section 4.1.1); PHP's client takes anything but 250 for a failure.
    the_working_directory_changes: r#"
        [nobody]
        CWD inbox => 530
        CDUP => 530
        PWD => 530
        XCWD inbox => 530
        XCUP => 530
        XPWD => 530
        [demo]
        PWD => 257 "/"
        CWD inbox => 250
        XPWD => 257 "/inbox"
        CWD => 250
        PWD => 257 "/" is
        CWD inbox => 250
        XCWD\s\s => 250
        PWD => 257 "/" is
        CWD inbox => 250
        CWD one => 550
        CWD missing => 550
        CWD /file => 550
        PWD => 257 "/inbox"
        CDUP => 250
        CDUP => 250
        PWD -x => 257 "/"
        XCWD inbox/. => 250
        XCUP => 250
        XPWD => 257 "/"
        XCWD => 250
    "#

    hostile_directories_lead_nowhere: r#"
        [demo]
        CWD ../../../../etc => 550
        CWD ../.. => 250
        PWD => 257 "/" is
        CWD inbox\0 => 553
        CWD in\rbox => 553
        CWD \xc3( => 553
        CWD {9000*d} => 500
        CWD {8000*d} => 553
        CWD -1 => 550
        CWD 99999999999999999999 => 550
        CWD quo"te => 250
        # Appendix II of RFC 959: quotation marks are doubled.
        PWD => 257 "/quo""te"
        CWD .. => 250
        XCWD \xff => 553
    "#

    /// Old clients and scripts know it from servers whose users have an account of the system.
    a_tilde_leads_home: r#"
        [demo]
        CWD inbox => 250
        CWD ~ => 250
        PWD => 257 "/" is
        CWD ~/inbox => 250
        PWD => 257 "/inbox" is
        TYPE I => 200
        SIZE ~/file => 213 5
        MDTM ~/file => 213 2020
        MLST ~ => 250 type=dir
        RETR ~/file -> 12345 => 226
        STOR ~/new <- one => 226
        APPE ~//new <- two => 226
        RETR /new -> onetwo => 226
        LIST ~ ~> file\r\n => 226
        NLST ~/*ew -> ~/new\r\n => 226
        LIST -la ~/inbox ~> two\r\n => 226
        MLSD ~/inbox ~> size=1; => 226
        STAT ~ => 213 file
        RNFR ~/new => 350
        RNTO ~/inbox/new => 250
        MFMT 20200203040506 ~/inbox/new => 213
        DELE ~/inbox/new => 250
        MKD ~/made => 257 "/made"
        RMD ~/made => 250
        # Nobody gets out of it, and it's the only one.
        CWD ~/../../etc => 550
        CWD ~root => 550
        RETR ~file => 425
        # Something that is called like that is meant.
        CWD /inbox => 250
        MKD ./~ => 257 "/inbox/~"
        CWD ~ => 250
        PWD => 257 "/inbox/~" is
        CWD ~ => 250
        PWD => 257 "/" is
        STOR /inbox/~/x <- here => 226
        CWD inbox => 250
        RETR ~/x -> here => 226
        RMD ~ => 550
        DELE ~/x => 250
        RMD ~ => 250
    "#

    no_mount_is_made_by_a_client: r#"
        [nobody]
        SMNT => 501
        SMNT / => 502
        [demo]
        SMNT / => 502
        SMNT \xff => 553
        NOOP => 200
    "#
}
