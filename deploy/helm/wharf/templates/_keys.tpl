{{/* The keys of the configuration. They are defined in src/config/raw and src/storages, and written here by WHARF_TEST_WRITE_TABLE=1. */}}

{{/* The keys of each section of the configuration, and of each element ([]) of a list, as YAML. */}}
{{- define "wharf.configKeys" -}}
server: active active_on_this_machine ascii_size chmod control create_parents default_type engine failed_login_delay greeting idle_timeout implicit_tls_listen limits listen listing_time login_timeout passive proxy_protocol reload remember_logins sandbox shutdown_grace state_directory
server.limits: buffer_memory connections_per_ip deflate_level download download_per_ip ipv6_prefix sessions sessions_per_ip sessions_per_user spill_directory upload upload_per_ip
server.passive: address address_for ports
server.passive.address_for[]: address clients
server.proxy_protocol: trusted
tls: certificate certificates cipher_suites client_authorities client_crl key max_record min_version mode require_client_certificate require_close_notify require_session_reuse
tls.certificates[]: certificate hosts key
users_from[]: ca_file cache defaults directory http jwt ldap sql timeout token
users_from[].jwt: algorithms audience entry_claim issuer keys leeway map name require
users_from[].jwt.keys: ca_file file timeout token url
users_from[].jwt.map[]: claim entry has
users_from[].ldap: anonymous base bind_dn bind_password ca_file cache filter groups map require_group start_tls timeout url user_dn
users_from[].ldap.groups: attribute base filter
users_from[].ldap.map[]: entry group
users_from[].sql: ca_file cache connections plain query timeout url
lockout: always failures for never within
scan: clamd connections icap over paths quarantine timeout unavailable
scan.over: size then
scan.quarantine: backend path
events: node partial_names partial_wait spool spool_size sync to
events.to[]: at_once ca_file command mode more_secrets name on paths pause rate retry_for secret timeout token url users
anonymous: backend enabled mounts path permissions quota
anonymous.mounts[]: at backend path permissions quota resume_uploads
anonymous.mounts[].quota: bytes files
anonymous.quota: bytes files
audit[]: format required rotate sha256 to
audit[].rotate: keep size
http: admin listen
http.admin: listen page read_only_token tls token
http.admin.tls: certificate client_authorities key
cluster: client_addresses index more_secrets ports_per_replica relay replicas secret sessions
log: filter format
traces: ca_file headers otlp sample timeout to_stores
traces.headers[]: name value
{{- end -}}

{{/* Those of them that are secrets. */}}
{{- define "wharf.configSecrets" -}}
users_from[].token users_from[].jwt.keys.token users_from[].ldap.bind_password users_from[].sql.url events.to[].secret events.to[].token events.to[].more_secrets[] http.admin.token http.admin.read_only_token cluster.secret cluster.more_secrets[] traces.headers[].value
{{- end -}}

{{/* Sections whose keys are not listed above. */}}
{{- define "wharf.configFree" -}}
users_from[].defaults users_from[].jwt.require users_from[].jwt.map[].entry users_from[].ldap.map[].entry
{{- end -}}

{{/* The kinds of backends that the image has. */}}
{{- define "wharf.backendKinds" -}}
local memory s3 gcs azure
{{- end -}}

{{/* The keys of each kind of backend, as YAML; those of wharf.secretKeys are secrets. */}}
{{- define "wharf.backendKeys" -}}
local: root create_root sync follow_links file_mode directory_mode timeout
memory: capacity
s3: bucket region prefix endpoint ca_file profile credentials_file role_arn role_session_name external_id sts_endpoint path_style sign_payload equal_parts max_parts abort_uploads_after ambient_credentials anonymous content_type cache_control storage_class server_side_encryption kms_key_id acl tags requester_pays part_size upload_concurrency check_names access_key_id secret_access_key session_token sse_customer_key
gcs: bucket prefix endpoint ca_file anonymous ambient_credentials content_type cache_control storage_class part_size upload_concurrency check_names service_account_key
azure: account container prefix endpoint ca_file anonymous ambient_credentials content_type cache_control access_tier part_size upload_concurrency check_names access_key sas_token
{{- end -}}

{{/* Those without which there is no backend, as YAML. */}}
{{- define "wharf.requiredKeys" -}}
local: [root]
memory: []
s3: [bucket]
gcs: [bucket]
azure: [account, container]
{{- end -}}

{{/* What a backend keeps secret. */}}
{{- define "wharf.secretKeys" -}}
access_key_id secret_access_key session_token sse_customer_key service_account_key access_key sas_token
{{- end -}}
