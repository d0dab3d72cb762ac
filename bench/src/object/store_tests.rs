use super::sum;

#[test]
fn requests_of_a_bucket_are_counted_whatever_their_answer() {
    let text = "\
# HELP SeaweedFS_s3_request_total Counter of s3 requests.
# TYPE SeaweedFS_s3_request_total counter
SeaweedFS_s3_request_total{bucket=\"files\",code=\"200\",type=\"GET\"} 1.2e+06
SeaweedFS_s3_request_total{bucket=\"files\",code=\"404\",type=\"HEAD\"} 3
SeaweedFS_s3_request_total{bucket=\"other-files\",code=\"200\",type=\"GET\"} 50
SeaweedFS_s3_bucket_traffic_received_bytes_total{bucket=\"files\"} 9
";
    assert_eq!(sum(text, "files"), 1_200_003);
    assert_eq!(sum(text, "empty"), 0);
}
