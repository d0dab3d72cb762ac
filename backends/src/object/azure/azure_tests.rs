use super::*;
use crate::object::wire::xml::parse;

fn page(body: &str) -> EnumerationResults {
    parse(body.as_bytes()).unwrap()
}

const BLOB: &str = "<Properties><Last-Modified>Fri, 02 Jan 2026 03:04:05 GMT</Last-Modified><Etag>0x8D</Etag>\
                    <Content-Length>0</Content-Length><Content-MD5>AbC=</Content-MD5><Unheard>of</Unheard></Properties>";

#[test]
fn blobs_are_told_with_their_metadata() {
    let found = page(&format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"http://x/\" \
         ContainerName=\"c\"><Prefix>d/</Prefix><Blobs><Blob><Name>d/a&amp;b</Name>{BLOB}<Metadata>\
         <MTime>2020-01-01T00:00:00Z</MTime><other>x</other></Metadata></Blob><BlobPrefix><Name>d/e/</Name></BlobPrefix>\
         <Blob><Name>d/dir</Name>{BLOB}<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>\
         <Blob><Name Encoded=\"true\">d/%EF%BF%BE%41</Name>{BLOB}<Metadata /></Blob></Blobs><NextMarker>m</NextMarker>\
         </EnumerationResults>"
    ));
    assert_eq!(found.next_marker.as_deref(), Some("m"));
    let objects: Vec<Object> = found.blobs.blob.into_iter().map(|blob| blob.into_object().unwrap()).collect();
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["d/a&b", "d/dir", "d/\u{fffe}A"]);
    assert_eq!(objects[0].e_tag.as_deref(), Some("\"0x8D\""));
    assert_eq!(objects[0].set, mtime::parse("2020-01-01T00:00:00Z"));
    assert!(objects[0].stored.is_some() && objects[0].has_digest());
    assert_eq!(objects.iter().map(|object| object.is_folder).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn an_object_of_unknown_size_is_not_taken_for_an_empty_one() {
    let found = page("<EnumerationResults><Blobs><Blob><Name>a</Name></Blob></Blobs></EnumerationResults>");
    assert!(found.blobs.blob.into_iter().next().unwrap().into_object().is_err());
    for other in ["", "<html/>", "<ListBucketResult/>"] {
        assert!(parse::<EnumerationResults>(other.as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn directories_of_hierarchical_accounts_have_no_length() {
    let found = page(
        "<EnumerationResults><Blobs><Blob><Name>a</Name><Properties><ResourceType>directory</ResourceType></Properties>\
         </Blob></Blobs></EnumerationResults>",
    );
    assert!(found.blobs.blob.into_iter().next().unwrap().into_object().unwrap().is_folder);
}
