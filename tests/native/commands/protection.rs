//! AUTH, PBSZ, PROT, CCC, and the commands of RFC 2228 that TLS does not need.

use super::transcripts;

transcripts! {
    encryption_is_agreed_on_in_order: r#"
        [nobody]
        PBSZ 0 => 503
        PROT P => 503
        AUTH => 501
        AUTH KERBEROS_V4 => 504
        AUTH -1 => 504
        AUTH \xff => 553
        AUTH {9000*T} => 500
        [tls]
        AUTH TLS => 503
        PBSZ => 501
        PBSZ x => 501
        PBSZ -1 => 501
        PBSZ 99999999999999999999 => 501
        PBSZ 65536 => 200 PBSZ=0
        PBSZ\s 0\s => 200
        PROT => 501
        PROT S => 536
        PROT E => 536
        PROT X => 504
        PROT P\0 => 504
        PROT C => 200
        PROT\s p\s => 200
        USER demo => 331
        PASS demo => 230
        STAT => 211 Data connections are encrypted
    "#

    /// Whoever sends them has what the old drafts say, and no PROT; one that comes counts.
    data_is_encrypted_at_once_after_the_old_names: r#"
        [demo over ssl]
        STAT => 211 Data connections are encrypted
        LIST ~> file => 226
        PROT C => 200
        STAT => 211 Data connections are in plain text
        PROT P => 200
        REIN => 220
        USER demo => 331
        PASS demo => 230
        STAT => 211 Data connections are encrypted
        [demo over tls-p]
        STAT => 211 Data connections are encrypted
        STOR new <- one => 226
        RETR new -> one => 226
        [demo over tls-c]
        STAT => 211 Data connections are in plain text
        LIST ~> file => 226
    "#

    /// Many clients ask before the login, some only after it.
    protection_may_follow_the_login: r#"
        [demo over tls]
        STAT => 211 Data connections are in plain text
        PBSZ 0 => 200
        PROT P => 200
        STAT => 211 Data connections are encrypted
        PROT C => 200
        LIST ~> file => 226
    "#

    /// The only size that TLS has is 0.
    protection_needs_no_size: r#"
        [demo over tls]
        PROT P => 200
        STAT => 211 Data connections are encrypted
    "#

    /// Whoever was refused does not get in plain text what was to be encrypted.
    protection_that_was_refused_is_no_plain_text: r#"
        [demo]
        PROT P => 503
        EPSV => 521
        PASV => 521
        EPRT |1|127.0.0.1|2000| => 521
        PROT C => 503
        LIST ~> file => 226
    "#

    /// A connection prepared before PROT would not have the protection that was asked for since.
    a_change_of_protection_wants_a_new_data_connection: r#"
        [demo over tls]
        EPSV => 229
        PBSZ 0 => 200
        PROT P => 200
        RETR file => 425
        EPSV => 229
        PROT C => 200
        LIST => 425
        LIST ~> file => 226
    "#

    plain_text_comes_back_only_after_tls: r#"
        [nobody]
        CCC => 530
        [demo]
        CCC => 533
        [tls]
        CCC => 530
        NOOP => 200
    "#

    what_tls_does_not_need_is_refused: r#"
        [nobody]
        ADAT => 501
        ADAT AAAA => 503
        CONF => 501
        CONF AAAA => 502
        ENC => 501
        ENC AAAA => 502
        MIC => 501
        MIC AAAA => 502
        MIC \xff => 553
        ENC {9000*A} => 500
        [demo over tls]
        ADAT AAAA => 503
        CONF AAAA => 502
        ENC AAAA => 502
        MIC AAAA => 502
        NOOP => 200
    "#
}
