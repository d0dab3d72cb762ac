//! SYST, STAT, HELP, NOOP, FEAT, OPTS, LANG, CLNT, CSID.

use super::transcripts;

transcripts! {
    the_system_is_named: r#"
        [nobody]
        SYST => 215 UNIX Type: L8
        SYST -1 => 215
        [demo]
        SYST => 215
        SYST \xff => 553
    "#

    noop_does_nothing: r#"
        [nobody]
        NOOP => 200
        NOOP with words => 200
        NOOP {8000*n} => 200
        NOOP {9000*n} => 500
        NOOP \0 => 200
        [demo over tls]
        NOOP => 200
    "#

    help_comes_from_the_table: r#"
        [nobody]
        HELP => 214 RETR
        HELP RETR => 214 Syntax: RETR <file>
        HELP retr => 214
        HELP\s retr\s => 214 Syntax: RETR
        HELP SITE => 214
        HELP SMNT => 214
        HELP FOO => 502
        HELP ../.. => 502
        HELP \0 => 502
        HELP -1 => 502
        HELP \xff => 553
        [demo]
        HELP => 214
    "#

    the_session_tells_how_it_stands: r#"
        [nobody]
        STAT => 530
        STAT file => 530
        [demo]
        STAT => 211 Logged in as demo
        STAT => 211 The control connection is in plain text
        STAT file => 213 file
        STAT inbox => 213 two
        STAT -la inbox => 213 one
        STAT\s\s => 211 Logged in as demo
        STAT  inbox => 213 two
        STAT inbox/t* => 213 two
        STAT empty => 213
        STAT missing => 550
        STAT ../../../etc/passwd => 550
        STAT file\0 => 553
        STAT \xff => 553
        STAT {8000*s} => 553
        [demo over tls]
        STAT => 211 The control connection is encrypted
    "#

    features_are_those_that_there_are: r#"
        [nobody]
        FEAT => 211 AUTH TLS
        FEAT => 211 MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;
        FEAT => 211 REST STREAM
        FEAT => 211 UTF8
        FEAT -1 => 211 CCC
        FEAT \xff => 553
        [demo]
        OPTS MLST type;size; => 200
        FEAT => 211 MLST type*;size*;modify;perm;unique;UNIX.mode;
    "#

    options_are_set: r#"
        [nobody]
        OPTS UTF8 ON => 200
        OPTS UTF8 => 200
        OPTS UTF-8\s => 200
        OPTS\s\sutf8 on\s => 200
        OPTS utf-8 nlst => 200
        OPTS MLST type; => 530
        OPTS HASH MD5 => 530
        OPTS MODE Z LEVEL 1 => 530
        [demo]
        OPTS => 501
        OPTS FOO => 501
        OPTS UTF8 OFF => 504
        OPTS UTF8 -1 => 501
        OPTS MLST size;Type; => 200 MLST OPTS type;size;
        MLST file => 250 type=file;size=5; /file
        OPTS MLST nothing;of;these => 200 MLST OPTS
        OPTS MLST => 200
        MLST file => 250 \s/file
        OPTS MODE Z LEVEL 9 => 200
        OPTS MODE Z ENGINE ZLIB LEVEL 1 => 200
        OPTS MODE Z LEVEL 0 => 501
        OPTS MODE Z LEVEL 10 => 501
        OPTS MODE Z LEVEL -1 => 501
        OPTS MODE Z LEVEL 99999999999999999999 => 501
        OPTS MODE Z => 501
        OPTS MODE S => 501
        OPTS \0 => 501
        OPTS ../.. => 501
        OPTS \xff => 553
        OPTS {9000*o} => 500
    "#

    replies_are_in_english: r#"
        [nobody]
        LANG => 200
        LANG en => 200
        LANG EN-us => 200
        LANG\s\sen\s => 200
        LANG de => 504
        LANG -1 => 504
        LANG \0 => 504
        LANG \xff => 553
        [demo]
        LANG en => 200
        LANG {9000*l} => 500
    "#

    clients_name_themselves: r#"
        [nobody]
        CLNT => 501
        CLNT some client 1.0 => 200
        CLNT \0 => 200
        CLNT \xff => 553
        CSID => 501
        CSID Name=some client;Version=1; => 200 Name=Wharf;
        CSID x\ry => 200
        CSID \xff => 553
        [demo]
        CLNT {8000*c} => 200
        CLNT {9000*c} => 500
        CSID -1 => 200
    "#
}
