{{/* What is wrong with backends, users and what they may do, and with who logs in for `helm test`: see _validate.tpl. */}}

{{/* What has to be the same in the configuration and in the manifests is a value, which both are made of. */}}
{{- define "wharf.validate.config" -}}
{{- $config := .Values.config | default dict -}}
{{- range tuple "backends" "users" -}}
{{- if hasKey $config . -}}
{{- fail (printf "config.%s: that is the value `%s`, so that secrets go where secrets belong." . .) -}}
{{- end -}}
{{- end -}}
{{- if hasKey $config "cluster" -}}
{{- fail "config.cluster: that is made of the values `replicas`, `cluster` and `ports.relay`." -}}
{{- end -}}
{{- range $section, $value := omit $config "backends" "users" -}}
{{- include "wharf.validate.keys" (list (printf "config.%s" $section) $section $value) -}}
{{- end -}}
{{- range $path, $value := dict
  "server.listen" "`ports.control` (and `listenAddress`)"
  "server.implicit_tls_listen" "`ports.implicitTls`"
  "server.passive.ports" "`passive.ports`"
  "server.passive.address" "`passive.address`"
  "server.shutdown_grace" "`shutdownGraceSeconds`"
  "server.proxy_protocol" "`proxyProtocol.trusted`"
  "http.listen" "`ports.http` (and `httpListenAddress`)"
-}}
{{- $place := $config -}}
{{- $there := true -}}
{{- range splitList "." $path -}}
{{- $there = and $there (hasKey $place .) -}}
{{- if $there -}}
{{- $place = index $place . -}}
{{- end -}}
{{- end -}}
{{- if $there -}}
{{- fail (printf "config.%s: that is the value %s, of which the service and the pod are made, too." $path $value) -}}
{{- end -}}
{{- end -}}
{{- with $config.anonymous -}}
{{- if .enabled -}}
{{- include "wharf.validate.account" (list "config.anonymous" . $) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Keys that the server doesn't have: it would not start, and what they hold would be in a ConfigMap already. What the place is
called, its section in wharf.configKeys, and what stands there, which is never shown.
*/}}
{{- define "wharf.validate.keys" -}}
{{- $where := index . 0 -}}
{{- $section := index . 1 -}}
{{- $given := index . 2 -}}
{{- $sections := include "wharf.configKeys" . | fromYaml -}}
{{- $each := printf "%s[]" $section -}}
{{- $secrets := splitList " " (include "wharf.configSecrets" . | trim) -}}
{{- if and $section (has $section $secrets) -}}
{{- $named := and (kindIs "map" $given) (eq (len (keys (kindIs "map" $given | ternary $given dict))) 1) -}}
{{- if not (and $named (or (hasKey $given "env") (hasKey $given "file"))) -}}
{{- fail (printf "%s: a secret would end in a ConfigMap; here it is `{ env: NAME }` or `{ file: PATH }` alone." $where) -}}
{{- end -}}
{{- else if and $section (has $section (splitList " " (include "wharf.configFree" . | trim))) -}}
{{- if not (kindIs "map" $given) -}}
{{- fail (printf "%s: that is a section, with keys of its own." $where) -}}
{{- end -}}
{{- else if hasKey $sections $section -}}
{{- if not (kindIs "map" $given) -}}
{{- fail (printf "%s: that is a section, with keys of its own." $where) -}}
{{- end -}}
{{- $known := splitList " " (index $sections $section) -}}
{{- range $key, $below := $given -}}
{{- if and (eq $key "true") (has "on" $known) -}}
{{- fail (printf "%s: Helm takes the word `on` for true, so write this key in quotes: `\"on\": [file.stored]`." $where) -}}
{{- end -}}
{{- if not (has $key $known) -}}
{{- $near := include "wharf.closest" (list $key $known) -}}
{{- fail (printf "%s.%s: there is no such key%s; there are %s." $where $key (empty $near | ternary "" (printf " (did you mean %s?)" $near)) (join ", " $known)) -}}
{{- end -}}
{{- include "wharf.validate.keys" (list (printf "%s.%s" $where $key) (printf "%s.%s" $section $key) $below) -}}
{{- end -}}
{{- else if kindIs "slice" $given -}}
{{- range $given -}}
{{- include "wharf.validate.keys" (list $where (or (hasKey $sections $each) (has $each $secrets) | ternary $each $section) .) -}}
{{- end -}}
{{- else if and (hasKey $sections $each) (not (kindIs "invalid" $given)) -}}
{{- fail (printf "%s: that is a list of sections." $where) -}}
{{- else if has $section (list "audit[].to" "events.spool") -}}
{{- /* A word may stand in place of keys: the server looks at these. */ -}}
{{- else if kindIs "map" $given -}}
{{- fail (printf "%s: that has no keys of its own." $where) -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.backends" -}}
{{- if not .Values.backends -}}
{{- fail "backends: there is none; what is stored has to go somewhere, if only into memory." -}}
{{- end -}}
{{- $kinds := splitList " " (include "wharf.backendKinds" .) -}}
{{- $keys := include "wharf.backendKeys" . | fromYaml -}}
{{- $secrets := splitList " " (include "wharf.secretKeys" .) -}}
{{- /* What a root has to be stands in wharf.validate.roots. */ -}}
{{- $required := omit (include "wharf.requiredKeys" . | fromYaml) "local" -}}
{{- range $name, $backend := .Values.backends -}}
{{- include "wharf.validate.name" (list "backends" $name) -}}
{{- if not (has $backend.kind $kinds) -}}
{{- fail (printf "backends.%s.kind: %s; it is one of %s." $name (empty $backend.kind | ternary "there is none" (printf "%q is wrong" (toString $backend.kind))) (join ", " $kinds)) -}}
{{- end -}}
{{- $known := splitList " " (index $keys $backend.kind) -}}
{{- $own := list -}}
{{- $plain := list -}}
{{- range $known -}}
{{- if has . $secrets -}}
{{- $own = append $own . -}}
{{- else -}}
{{- $plain = append $plain . -}}
{{- end -}}
{{- end -}}
{{- $elsewhere := empty $own | ternary "" (printf "; and, under backends.%s.secrets, %s" $name (join ", " $own)) -}}
{{- range $key, $value := omit $backend "kind" "secrets" -}}
{{- if not (has $key $known) -}}
{{- fail (printf "backends.%s.%s: kind %s has no such key; it has %s%s." $name $key $backend.kind (join ", " $plain) $elsewhere) -}}
{{- end -}}
{{- if has $key $plain -}}
{{- include "wharf.validate.keys" (list (printf "backends.%s.%s" $name $key) "" $value) -}}
{{- end -}}
{{- end -}}
{{- range $key := $own -}}
{{- $secret := index $backend $key -}}
{{- $named := and (kindIs "map" $secret) (eq (len (keys ($secret | default dict))) 1) -}}
{{- if and (not (kindIs "invalid" $secret)) (not (and $named (or (hasKey $secret "env") (hasKey $secret "file")))) -}}
{{- fail (printf "backends.%s.%s: a secret stands under backends.%s.secrets, so that it doesn't end in a ConfigMap; here it is `{ env: NAME }` or `{ file: PATH }` alone." $name $key $name) -}}
{{- end -}}
{{- /* Not shown: whoever mistakes these for the secret's own place has put it here. */ -}}
{{- range $form, $pattern := dict "env" "^[A-Za-z_][A-Za-z0-9_]*$" "file" "^/[^\\n]+$" -}}
{{- if and (kindIs "map" $secret) (hasKey ($secret | default dict) $form) -}}
{{- if not (regexMatch $pattern (index $secret $form | toString)) -}}
{{- fail (printf "backends.%s.%s.%s: that is the %s, not the secret, which stands under backends.%s.secrets." $name $key $form (eq $form "env" | ternary "name of a variable, such as STORE_KEY" "whole path of a file, such as /run/store/key") $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $secret (hasKey ($backend.secrets | default dict) $key) -}}
{{- fail (printf "backends.%s.%s: it stands under backends.%s.secrets as well." $name $key $name) -}}
{{- end -}}
{{- end -}}
{{- range $key, $secret := $backend.secrets -}}
{{- if not (has $key $own) -}}
{{- fail (printf "backends.%s.secrets.%s: kind %s has no such secret; it has %s." $name $key $backend.kind (join ", " $own | default "none")) -}}
{{- end -}}
{{- $existing := and $secret.existingSecret $secret.key -}}
{{- if or (and $secret.value (or $secret.existingSecret $secret.key)) (not (or $secret.value $existing)) -}}
{{- fail (printf "backends.%s.secrets.%s: either `value`, or `existingSecret` with `key`." $name $key) -}}
{{- end -}}
{{- end -}}
{{- range get $required $backend.kind | default list -}}
{{- if not (index $backend .) -}}
{{- fail (printf "backends.%s.%s is missing, which kind %s needs." $name . $backend.kind) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $backend.kind "s3") (not $backend.region) (not $backend.endpoint) -}}
{{- fail (printf "backends.%s.region is missing: where is the bucket? A store that is not Amazon's has an `endpoint`, and needs no region." $name) -}}
{{- end -}}
{{- /* Not shown: it may hold a password or a signature. */ -}}
{{- if and (not (kindIs "invalid" $backend.endpoint)) (not (regexMatch "^https?://(\\[[0-9a-fA-F:.]+\\]|[^\\[\\]/?#@:%\\s]+)(:[0-9]{1,5})?(/[^?#@\\s]*)?$" (toString $backend.endpoint))) -}}
{{- fail (printf "backends.%s.endpoint: it is a URL such as https://store.example.com:9000, without a user, a password or a query (@ and ?), nor %% in its host%s." $name (empty $own | ternary "" (printf "; credentials stand under backends.%s.secrets: %s" $name (join ", " $own)))) -}}
{{- end -}}
{{- $given := or (eq (toString $backend.ambient_credentials) "true") (eq (toString $backend.anonymous) "true") $backend.profile $backend.credentials_file -}}
{{- $there := list -}}
{{- range $key := $own -}}
{{- if or (index $backend $key) (hasKey ($backend.secrets | default dict) $key) -}}
{{- $there = append $there $key -}}
{{- end -}}
{{- end -}}
{{- /* These alone open nothing; and Amazon's keys come in pairs, of which one half may stand in plain sight. */ -}}
{{- $own = without $own "session_token" "sse_customer_key" -}}
{{- if eq $backend.kind "s3" -}}
{{- $given = or $given (and (has "access_key_id" $there) (has "secret_access_key" $there)) -}}
{{- else -}}
{{- range $own -}}
{{- $given = or $given (has . $there) -}}
{{- end -}}
{{- end -}}
{{- if and $own (not $given) -}}
{{- fail (printf "backends.%s: there are no credentials, or not all: give them under backends.%s.secrets (%s), or say `ambient_credentials: true` to take those of the pod's account, or `anonymous: true` if the storage is public." $name $name (join ", " $own)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The folders that are volumes, and whether they can be written, as JSON. */}}
{{- define "wharf.volumes" -}}
{{- $volumes := dict "/tmp" true -}}
{{- if or .Values.persistence.enabled .Values.persistence.existingClaim -}}
{{- $_ := set $volumes (clean .Values.persistence.mountPath) true -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- if .mountPath -}}
{{- $_ := set $volumes (clean .mountPath) (not .readOnly) -}}
{{- end -}}
{{- end -}}
{{- toJson $volumes -}}
{{- end -}}

{{/* What goes with the pod, of what is on no volume or on one of these, as JSON: the folders of volumes that are empty at first. */}}
{{- define "wharf.fleeting" -}}
{{- $empty := list -}}
{{- range .Values.extraVolumes -}}
{{- if hasKey . "emptyDir" -}}
{{- $empty = append $empty .name -}}
{{- end -}}
{{- end -}}
{{- $fleeting := dict "/tmp" true -}}
{{- range .Values.extraVolumeMounts -}}
{{- if and .mountPath (has .name $empty) -}}
{{- $_ := set $fleeting (clean .mountPath) true -}}
{{- end -}}
{{- end -}}
{{- toJson $fleeting -}}
{{- end -}}

{{/* The spool of events: a folder that is there, and that outlives the pod, or a path of a backend that does. */}}
{{- define "wharf.validate.spool" -}}
{{- $spool := ((.Values.config | default dict).events | default dict).spool -}}
{{- $fleeting := include "wharf.fleeting" . | fromJson -}}
{{- if kindIs "map" $spool -}}
{{- $name := $spool.backend | default "" | toString -}}
{{- $backend := index (.Values.backends | default dict) $name | default dict -}}
{{- if eq ($backend.kind | default "") "memory" -}}
{{- fail (printf "config.events.spool: the backend %s goes with the pod, and so would events that nobody has got yet; take a bucket." $name) -}}
{{- end -}}
{{- if eq ($backend.kind | default "") "local" -}}
{{- $root := toString ($backend.root | default "") -}}
{{- $found := "" -}}
{{- range $volume, $isWritable := include "wharf.volumes" . | fromJson -}}
{{- if include "wharf.isWithin" (list $root $volume) -}}
{{- $found = $isWritable | ternary $volume "" -}}
{{- end -}}
{{- end -}}
{{- if or (not $found) (hasKey $fleeting $found) -}}
{{- fail (printf "config.events.spool: the root of the backend %s, %s, goes with the pod, and so would events that nobody has got yet; take a bucket, or a volume that stays." $name $root) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not (or (kindIs "invalid" $spool) (kindIs "map" $spool)) -}}
{{- $path := toString $spool -}}
{{- if not (hasPrefix "/" $path) -}}
{{- fail "config.events.spool: the whole path of a folder is needed, such as /var/lib/wharf/events." -}}
{{- end -}}
{{- /* The innermost volume is what counts, as with roots. The server makes no folder for it. */ -}}
{{- $found := "" -}}
{{- range $volume, $isWritable := include "wharf.volumes" . | fromJson -}}
{{- if include "wharf.isWithin" (list $path $volume) -}}
{{- $found = $isWritable | ternary $volume "" -}}
{{- end -}}
{{- end -}}
{{- if hasKey $fleeting $found -}}
{{- fail (printf "config.events.spool: %s goes with the pod, and so would events that nobody has got yet; take a volume that stays, by extraVolumeMounts." $path) -}}
{{- end -}}
{{- range $name, $backend := .Values.backends -}}
{{- if and (eq $backend.kind "local") (include "wharf.isWithin" (list $path (toString $backend.root))) -}}
{{- fail (printf "config.events.spool: %s is in the root of the backend %s, whose users could remove it." $path $name) -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- fail (printf "config.events.spool: %s is on no volume that can be written; extraVolumeMounts mounts one there: `{ name: files, mountPath: %s, subPath: events }` takes a folder of persistence, and extraVolumes names others." $path $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Directories of the pod: whether they are there, only the image and the volumes know, but not all of them can be written. */}}
{{- define "wharf.validate.roots" -}}
{{- $volumes := include "wharf.volumes" . | fromJson -}}
{{- /* Files that others bring: where each is named, and where it is, which a refusal doesn't show. */ -}}
{{- $own := dict -}}
{{- range $key, $path := pick (include "wharf.tlsSettings" . | fromJson) "certificate" "key" -}}
{{- $_ := set $own (printf "tls.settings.%s" $key) $path -}}
{{- end -}}
{{- range $index, $item := (include "wharf.tlsSettings" . | fromJson).certificates -}}
{{- range $key, $path := pick $item "certificate" "key" -}}
{{- $_ := set $own (printf "tls.settings.certificates[%d].%s" $index $key) $path -}}
{{- end -}}
{{- end -}}
{{- range $name, $backend := .Values.backends -}}
{{- range $key := splitList " " (include "wharf.secretKeys" $) -}}
{{- with index $backend $key -}}
{{- if .file -}}
{{- $_ := set $own (printf "backends.%s.%s" $name $key) .file -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $written := include "wharf.written" . | fromJson -}}
{{- range $name, $backend := .Values.backends -}}
{{- if eq $backend.kind "local" -}}
{{- $root := toString ($backend.root | default "") -}}
{{- if not (hasPrefix "/" $root) -}}
{{- fail (printf "backends.%s.root: a directory is missing, such as %s/files." $name $.Values.persistence.mountPath) -}}
{{- end -}}
{{- range list "/etc/wharf/config" "/etc/wharf/tls" (include "wharf.secretsFolder" .) (include "wharf.usersFolder" .) "/proc" -}}
{{- if or (include "wharf.isWithin" (list $root .)) (include "wharf.isWithin" (list . $root)) -}}
{{- fail (printf "backends.%s.root: %s is or holds %s, which is the server's own: configuration, secrets, processes." $name $root .) -}}
{{- end -}}
{{- end -}}
{{- range $place, $path := $own -}}
{{- if include "wharf.isWithin" (list (toString $path) $root) -}}
{{- fail (printf "backends.%s.root: %s is or holds the file of %s, which is the server's own." $name $root $place) -}}
{{- end -}}
{{- end -}}
{{- /* The innermost volume is what counts: sorted, it comes last of those that hold the root. */ -}}
{{- $found := false -}}
{{- range $volume, $isWritable := $volumes -}}
{{- if include "wharf.isWithin" (list $root $volume) -}}
{{- $found = $isWritable -}}
{{- end -}}
{{- end -}}
{{- if and (not $found) (or $backend.create_root (hasKey $written $name)) -}}
{{- fail (printf "backends.%s.root: %s is on no volume that can be written, and nothing else of the pod can be: persistence.enabled, or extraVolumes and extraVolumeMounts without readOnly. Files of the image itself are for users with the `permissions` read-only, without create_root." $name $root) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The backends in which somebody may change something, as JSON. */}}
{{- define "wharf.written" -}}
{{- $accounts := .Values.users | default list -}}
{{- with (.Values.config | default dict).anonymous -}}
{{- if .enabled -}}
{{- $accounts = append $accounts (merge dict . (dict "permissions" "read-only")) -}}
{{- end -}}
{{- end -}}
{{- $written := dict -}}
{{- range $account := $accounts -}}
{{- range prepend ($account.mounts | default list) $account -}}
{{- $may := include "wharf.may" (kindIs "invalid" .permissions | ternary $account.permissions .permissions) | fromJson -}}
{{- if or $may.upload $may.overwrite $may.rename $may.delete $may.mkdir -}}
{{- $_ := set $written .backend true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $written | toJson -}}
{{- end -}}

{{- define "wharf.validate.users" -}}
{{- $seen := dict -}}
{{- range $number, $user := .Values.users -}}
{{- if not $user.name -}}
{{- fail (printf "users: number %d has no name." (add1 $number)) -}}
{{- end -}}
{{- include "wharf.validate.name" (list "users" $user.name) -}}
{{- if has (lower $user.name) (list "anonymous" "ftp") -}}
{{- fail (printf "users: %s is no user but the login without a password: config.anonymous." $user.name) -}}
{{- end -}}
{{- if hasKey $seen $user.name -}}
{{- fail (printf "users: there are two of the name %s." $user.name) -}}
{{- end -}}
{{- $_ := set $seen $user.name true -}}
{{- $where := printf "users: %s" $user.name -}}
{{- include "wharf.validate.account" (list $where $user $) -}}
{{- $secret := $user.existingSecret | default dict -}}
{{- if gt (len (compact (list $user.password $user.passwordHash $secret.name))) 1 -}}
{{- fail (printf "%s has more than one of password, passwordHash and existingSecret." $where) -}}
{{- end -}}
{{- if and $secret (not (and $secret.name $secret.key)) -}}
{{- fail (printf "%s has an existingSecret that needs `name` and `key`." $where) -}}
{{- end -}}
{{- if and $user.passwordHash (not (hasPrefix "$" $user.passwordHash)) -}}
{{- fail (printf "%s has a passwordHash that is none: `wharf hash-password` makes one, and it begins with a $." $where) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A name in the configuration, as the server takes it: Z is what Unicode calls a space, Cc a control character. */}}
{{- define "wharf.validate.name" -}}
{{- if not (regexMatch "^[^\\p{Z}\\p{Cc}\\\\/]+$" (index . 1)) -}}
{{- fail (printf "%s: %q can't be a name: no spaces, slashes and control characters." (index . 0) (index . 1)) -}}
{{- end -}}
{{- if gt (len (index . 1)) 64 -}}
{{- fail (printf "%s: %s is too long for a name: at most 64 bytes." (index . 0) (index . 1)) -}}
{{- end -}}
{{- end -}}

{{/* What a user sees and may do: where it stands, the user, the chart. */}}
{{- define "wharf.validate.account" -}}
{{- $where := index . 0 -}}
{{- $account := index . 1 -}}
{{- $backends := (index . 2).Values.backends | default dict -}}
{{- if not $account.backend -}}
{{- fail (printf "%s has no backend." $where) -}}
{{- end -}}
{{- if not (hasKey $backends $account.backend) -}}
{{- fail (printf "%s has the backend %s, and there is none of that name in `backends`." $where $account.backend) -}}
{{- end -}}
{{- include "wharf.validate.permissions" (list $where $account.permissions) -}}
{{- $places := dict -}}
{{- range $account.mounts -}}
{{- if not (and .at .backend) -}}
{{- fail (printf "%s has a mount that needs `at`, where it stands, and `backend`." $where) -}}
{{- end -}}
{{- if not (hasKey $backends .backend) -}}
{{- fail (printf "%s: the mount at %s has the backend %s, and there is none of that name in `backends`." $where .at .backend) -}}
{{- end -}}
{{- $place := clean (printf "/%s" .at) -}}
{{- if eq $place "/" -}}
{{- fail (printf "%s: a mount can't stand at /, where the user's own backend does." $where) -}}
{{- end -}}
{{- if hasKey $places $place -}}
{{- fail (printf "%s: there are two mounts at %s." $where .at) -}}
{{- end -}}
{{- $_ := set $places $place true -}}
{{- include "wharf.validate.permissions" (list (printf "%s: the mount at %s" $where .at) .permissions) -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.permissions" -}}
{{- $where := index . 0 -}}
{{- $given := index . 1 -}}
{{- $words := splitList " " (include "wharf.permissionWords" .) -}}
{{- if kindIs "string" $given -}}
{{- $given = list $given -}}
{{- end -}}
{{- range $given -}}
{{- if not (has . $words) -}}
{{- fail (printf "%s has the permission %q, and there is no such; there are %s." $where (toString .) (join ", " $words)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.test" -}}
{{- $test := .Values.test -}}
{{- if or $test.existingSecret.name $test.existingSecret.key -}}
{{- if not (and $test.existingSecret.name $test.existingSecret.key $test.user) -}}
{{- fail "test.existingSecret needs `name` and `key`, and test.user says whose password it is." -}}
{{- end -}}
{{- end -}}
{{- if $test.user -}}
{{- $known := false -}}
{{- range .Values.users -}}
{{- if eq .name $test.user -}}
{{- $known = true -}}
{{- end -}}
{{- end -}}
{{- if and (not $known) (not .Values.existingConfigMap.name) -}}
{{- fail (printf "test.user: there is no %s in `users`." $test.user) -}}
{{- end -}}
{{- $found := include "wharf.testUser" . | fromJson -}}
{{- if not $found.secret -}}
{{- fail (printf "test.user: nobody knows the password of %s; test.existingSecret names a Secret that has it, not a hash." $test.user) -}}
{{- end -}}
{{- end -}}
{{- end -}}
