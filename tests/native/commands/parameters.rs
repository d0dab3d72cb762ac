//! PORT, EPRT, PASV, EPSV, TYPE, STRU, MODE, ALLO, REST.

use super::transcripts;

transcripts! {
    port_takes_a_whole_address_of_the_client: r#"
        [nobody]
        PORT 127,0,0,1,200,1 => 530
        [demo]
        PORT => 501
        PORT 127,0,0,1,200,1 => 200
        PORT\s 127, 0, 0,1,200,1\s => 200
        PORT 127,0,0,1,200 => 501
        PORT 127,0,0,1,200,1,1 => 501
        PORT 127,0,0,256,200,1 => 501
        PORT 127,0,0,1,-1,1 => 501
        PORT 99999999999999999999,0,0,1,200,1 => 501
        PORT localhost,200,1 => 501
        PORT 127,0,0,1,200,1\0 => 501
        PORT \xff => 553
        # RFC 2577, section 3: neither another host nor a service.
        PORT 127,0,0,2,200,1 => 504
        PORT 10,0,0,1,200,1 => 504
        PORT 127,0,0,1,0,22 => 504
        PORT 127,0,0,1,0,0 => 504
        # What was refused has left nothing.
        LIST => 425
    "#

    eprt_takes_both_families: r#"
        [nobody]
        EPRT |1|127.0.0.1|50000| => 530
        [demo]
        EPRT => 501
        EPRT |1|127.0.0.1|50000| => 200
        EPRT !1!127.0.0.1!50000! => 200
        EPRT\s |1|127.0.0.1|50000|\s => 200
        EPRT |1|127.0.0.1|50000 => 501
        EPRT |1|127.0.0.1|65536| => 501
        EPRT |1|127.0.0.1|-1| => 501
        EPRT |1|::1|50000| => 501
        EPRT |2|127.0.0.1|50000| => 501
        EPRT |3|127.0.0.1|50000| => 522 (1,2)
        EPRT |3|::1|50000| => 522
        EPRT |2|::1|50000| => 504
        EPRT |1|127.0.0.2|50000| => 504
        EPRT |1|127.0.0.1|80| => 504
        EPRT |||| => 501
        EPRT \0\0 => 501
        EPRT \xff => 553
        LIST => 425
    "#

    passive_mode_names_a_port: r#"
        [nobody]
        PASV => 530
        EPSV => 530
        [demo]
        PASV => 227 (127,0,0,1,
        PASV of no use => 227
        EPSV => 229 (|||
        EPSV 1 => 229
        EPSV\s 1\s => 229
        PASV\s => 227
        EPSV 2 => 522 (1)
        EPSV 3 => 522 (1)
        EPSV 99999999999999999999 => 501
        EPSV -1 => 501
        EPSV x => 501
        EPSV \xff => 553
    "#

    /// RFC 2428, section 4: after EPSV ALL all the others are refused, for routers that translate addresses.
    epsv_all_leaves_nothing_but_epsv: r#"
        [demo]
        EPSV all => 200
        PASV => 503
        PORT 127,0,0,1,200,1 => 503
        EPRT |1|127.0.0.1|50000| => 503
        LIST => 425
        LIST ~> file => 226
        EPSV ALL => 200
    "#

    type_is_text_or_bytes: r#"
        [nobody]
        TYPE I => 530
        [demo]
        STAT => 211 TYPE: ASCII
        TYPE I => 200
        STAT => 211 TYPE: image
        TYPE a n => 200
        TYPE A T => 200
        TYPE A => 200
        TYPE L 8 => 200
        TYPE A => 200
        TYPE L8 => 200
        STAT => 211 TYPE: image
        TYPE AN => 200
        STAT => 211 TYPE: ASCII
        TYPE I N => 200
        STAT => 211 TYPE: image
        TYPE A I => 200
        TYPE I I => 200
        TYPE => 501
        TYPE X => 501
        TYPE E => 504
        TYPE A C => 504
        TYPE L 36 => 504
        TYPE L 7 => 504
        TYPE L -1 => 501
        TYPE I\0 => 501
        TYPE {9000*I} => 500
        TYPE \xff => 553
        STAT => 211 TYPE: image
    "#

    structure_is_that_of_files: r#"
        [nobody]
        STRU F => 530
        [demo]
        STRU F => 200
        STRU f => 200
        STRU\s F\s => 200
        STRU => 501
        STRU R => 504
        STRU P => 504
        STRU X => 501
        STRU F\0 => 501
        STRU \xff => 553
    "#

    mode_is_stream_or_deflate: r#"
        [nobody]
        MODE S => 530
        [demo]
        MODE S => 200
        MODE\s s\s => 200
        MODE z => 200
        STAT => 211 MODE: deflate
        MODE => 501
        MODE B => 504
        MODE C => 504
        MODE X => 501
        MODE S\0 => 501
        MODE \xff => 553
        STAT => 211 MODE: deflate
        MODE S => 200
        LIST ~> file => 226
    "#

    room_is_not_asked_for: r#"
        [nobody]
        ALLO 5 => 530
        [demo]
        ALLO => 501
        ALLO 5 => 202
        ALLO 5 R 5 => 202
        ALLO\s 5\s => 202
        ALLO -1 => 501
        ALLO x => 501
        ALLO 18446744073709551615 => 202
        ALLO 99999999999999999999 => 501
        ALLO \xff => 553
    "#

    rest_holds_for_one_transfer: r#"
        [nobody]
        REST 1 => 530
        [demo]
        TYPE I => 200
        REST\s 2\s => 350
        RETR file -> 345 => 226
        RETR file -> 12345 => 226
        REST 5 => 350
        RETR file -> => 226
        REST 6 => 350
        EPSV => 229
        RETR file => 554
        RETR file -> 12345 => 226
        REST => 501
        REST -1 => 501
        REST +1 => 501
        REST x => 501
        REST 1\0 => 501
        REST 99999999999999999999 => 501
        REST \xff => 553
        REST 18446744073709551615 => 350
        EPSV => 229
        RETR file => 554
        # One that fails uses it up, also one that never began.
        REST 3 => 350
        RETR file => 425
        RETR file -> 12345 => 226
        REST 3 => 350
        REST x => 501
        RETR file -> 12345 => 226
        REST 3 => 350
        STOR file <- XY => 226
        RETR file -> 123XY => 226
        REST 99 => 350
        EPSV => 229
        STOR file => 554
    "#
}
