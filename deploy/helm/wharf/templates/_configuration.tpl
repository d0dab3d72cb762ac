{{/* The configuration, and the secrets that it names. */}}

{{/* Where a secret is mounted. */}}
{{- define "wharf.secretsFolder" -}}/run/wharf/secrets{{- end -}}

{{/* The name of a user or backend as a part of a key of a Secret. */}}
{{- define "wharf.key" -}}
{{- if regexMatch "^[-._a-zA-Z0-9]{1,100}$" . -}}
{{- . -}}
{{- else -}}
{{- printf "sha256-%s" (sha256sum . | trunc 32) -}}
{{- end -}}
{{- end -}}

{{/*
The key of a user's password. Hashes, passwords that were given and those that were generated have keys of their own: while
an upgrade is under way the configuration may be the one before, and must never take a hash for a password that works.
*/}}
{{- define "wharf.passwordKey" -}}
{{- $secret := .existingSecret | default dict -}}
{{- $kind := "generated" -}}
{{- if or .passwordHash (and $secret.name (not $secret.plain)) -}}
{{- $kind = "hash" -}}
{{- else if or .password $secret.name -}}
{{- $kind = "user" -}}
{{- end -}}
{{- printf "%s.%s" $kind (include "wharf.key" .name) -}}
{{- end -}}

{{/* Whether a user's login takes a password: as the server decides, but that a password may be generated. Empty if it doesn't. */}}
{{- define "wharf.hasPassword" -}}
{{- $given := or .password .passwordHash (.existingSecret | default dict).name -}}
{{- $login := .login | default (ternary "certificate" "password" (and (not (empty .certificate)) (empty $given))) -}}
{{- if ne $login "certificate" -}}true{{- end -}}
{{- end -}}

{{/* The key of a backend's secret: of the backend's name and the secret's. */}}
{{- define "wharf.backendKey" -}}
{{- printf "backend.%s.%s" (include "wharf.key" (index . 0)) (index . 1) -}}
{{- end -}}

{{/*
The backend that is left out: several replicas can't have memory, and the chart's own `scratch` is there until somebody takes it
out. Empty if there is none, or if the values name it. Of users in other places, none could have it.
*/}}
{{- define "wharf.leftOut" -}}
{{- $config := .Values.config | default dict -}}
{{- $spool := ($config.events | default dict).spool -}}
{{- $used := list (kindIs "map" $spool | ternary $spool dict).backend (($config.scan | default dict).quarantine | default dict).backend -}}
{{- range append (.Values.users | default list) ($config.anonymous | default dict) -}}
{{- $used = append $used .backend -}}
{{- range .mounts -}}
{{- $used = append $used .backend -}}
{{- end -}}
{{- end -}}
{{- $scratch := (.Values.backends | default dict).scratch | default dict -}}
{{- $named := regexMatch "\"backend\":\"scratch\"" (toJson ($config.users_from | default list)) -}}
{{- if and (include "wharf.isCluster" .) (not (has "scratch" $used)) (not $named) (eq (toString $scratch.kind) "memory") -}}scratch{{- end -}}
{{- end -}}

{{/* The configuration, as YAML. */}}
{{- define "wharf.config" -}}
{{- $folder := include "wharf.secretsFolder" . -}}
{{- /* No socket by itself: /run/wharf, where the server would make one, can't be written. */ -}}
{{- $server := dict
  "engine" "native"
  "active" false
  "control" "off"
  "listen" (list (printf "%s:%d" .Values.listenAddress (int .Values.ports.control)))
  "reload" "watch"
  "shutdown_grace" (printf "%ds" (int .Values.shutdownGraceSeconds))
-}}
{{- if gt (int .Values.ports.implicitTls) 0 -}}
{{- $_ := set $server "implicit_tls_listen" (list (printf "%s:%d" .Values.listenAddress (int .Values.ports.implicitTls))) -}}
{{- end -}}
{{- $passive := dict "ports" (toString .Values.passive.ports) -}}
{{- with .Values.passive.address -}}
{{- $_ := set $passive "address" . -}}
{{- end -}}
{{- $_ := set $server "passive" $passive -}}
{{- with .Values.proxyProtocol.trusted -}}
{{- $_ := set $server "proxy_protocol" (dict "trusted" .) -}}
{{- end -}}
{{- $backends := dict -}}
{{- range $name, $values := omit .Values.backends (include "wharf.leftOut" .) -}}
{{- $backend := omit $values "secrets" -}}
{{- range $key, $_ := $values.secrets -}}
{{- $_ := set $backend $key (dict "file" (printf "%s/%s" $folder (include "wharf.backendKey" (list $name $key)))) -}}
{{- end -}}
{{- $_ := set $backends $name $backend -}}
{{- end -}}
{{- $users := list -}}
{{- range .Values.users -}}
{{- $user := omit . "password" "passwordHash" "existingSecret" -}}
{{- if include "wharf.hasPassword" . -}}
{{- $_ := set $user "password" (dict "file" (printf "%s/%s" $folder (include "wharf.passwordKey" .))) -}}
{{- $secret := .existingSecret | default dict -}}
{{- if and (not .passwordHash) (or (not $secret.name) $secret.plain) -}}
{{- $_ := set $user "plain" true -}}
{{- end -}}
{{- end -}}
{{- $users = append $users $user -}}
{{- end -}}
{{- $config := dict
  "server" $server
  "backends" $backends
  "http" (dict "listen" (list (printf "%s:%d" (include "wharf.httpAddress" .) (int .Values.ports.http))))
  "log" (dict "filter" "info" "format" "json")
-}}
{{- with $users -}}
{{- $_ := set $config "users" . -}}
{{- end -}}
{{- $mode := include "wharf.tlsMode" . -}}
{{- if ne $mode "off" -}}
{{- $tls := dict "mode" $mode "certificate" "/etc/wharf/tls/tls.crt" "key" "/etc/wharf/tls/tls.key" -}}
{{- $_ := set $config "tls" (mergeOverwrite $tls (deepCopy .Values.tls.settings)) -}}
{{- end -}}
{{- if include "wharf.isCluster" . -}}
{{- $_ := set $config "cluster" (include "wharf.cluster" . | fromJson) -}}
{{- end -}}
{{- $config = mergeOverwrite $config (deepCopy (.Values.config | default dict)) -}}
{{- with include "wharf.usersFolders" . | fromJsonArray -}}
{{- $_ := set $config "users_from" (concat . ($config.users_from | default list)) -}}
{{- end -}}
{{- $config | toYaml -}}
{{- end -}}

{{/* What this release's own Secret holds: keys to values in base64, as JSON. A password that was generated is kept. */}}
{{- define "wharf.secretData" -}}
{{- $data := dict -}}
{{- if not .Values.existingConfigMap.name -}}
{{- $before := (lookup "v1" "Secret" (include "wharf.namespace" .) (include "wharf.name" .) | default dict).data | default dict -}}
{{- $key := include "wharf.clusterKey" . -}}
{{- if .Values.cluster.existingSecret.name -}}
{{- else if include "wharf.isCluster" . -}}
{{- $_ := set $data $key (index $before $key | default (randAlphaNum 48 | b64enc)) -}}
{{- else if index $before $key -}}
{{- /* Pods that still run need it: all of them, if Helm fails after it has changed the Secret. */ -}}
{{- $_ := set $data $key (index $before $key) -}}
{{- end -}}
{{- range $name, $backend := .Values.backends -}}
{{- range $key, $secret := $backend.secrets -}}
{{- if $secret.value -}}
{{- $_ := set $data (include "wharf.backendKey" (list $name $key)) ($secret.value | b64enc) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.users -}}
{{- $key := include "wharf.passwordKey" . -}}
{{- if not (include "wharf.hasPassword" .) -}}
{{- else if .passwordHash -}}
{{- $_ := set $data $key (.passwordHash | b64enc) -}}
{{- else if .password -}}
{{- $_ := set $data $key (.password | b64enc) -}}
{{- else if not (.existingSecret | default dict).name -}}
{{- $_ := set $data $key (index $before $key | default (randAlphaNum 24 | b64enc)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $data | toJson -}}
{{- end -}}

{{/* The sources of the volume of secrets, as JSON: this release's Secret, and those that somebody else makes. */}}
{{- define "wharf.secretSources" -}}
{{- $sources := list -}}
{{- if include "wharf.secretData" . | fromJson -}}
{{- $sources = append $sources (dict "secret" (dict "name" (include "wharf.name" .))) -}}
{{- end -}}
{{- if not .Values.existingConfigMap.name -}}
{{- if include "wharf.isCluster" . -}}
{{- with .Values.cluster.existingSecret -}}
{{- if .name -}}
{{- $items := (include "wharf.clusterItems" $ | fromJson).items -}}
{{- $sources = append $sources (dict "secret" (dict "name" .name "items" $items)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $backend := .Values.backends -}}
{{- range $key, $secret := $backend.secrets -}}
{{- if $secret.existingSecret -}}
{{- $item := dict "key" $secret.key "path" (include "wharf.backendKey" (list $name $key)) -}}
{{- $sources = append $sources (dict "secret" (dict "name" $secret.existingSecret "items" (list $item))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $user := .Values.users -}}
{{- with and (include "wharf.hasPassword" .) (.existingSecret | default dict).name -}}
{{- $item := dict "key" $user.existingSecret.key "path" (include "wharf.passwordKey" $user) -}}
{{- $sources = append $sources (dict "secret" (dict "name" . "items" (list $item))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $sources | toJson -}}
{{- end -}}

{{/*
A stamp of the configuration without its users: the server reads these again by itself, so no pod has to begin anew.
*/}}
{{- define "wharf.configStamp" -}}
{{- omit (include "wharf.config" . | fromYaml) "users" "anonymous" | toYaml | sha256sum -}}
{{- end -}}

{{/*
A stamp of the secrets of backends that the values hold, so that the pod begins anew when they change; passwords of users
are read again while the server runs. Whoever may see pods must not be able to guess secrets by it, so it is derived by
scrypt.
*/}}
{{- define "wharf.secretStamp" -}}
{{- $given := list -}}
{{- range $name, $backend := .Values.backends -}}
{{- range $key, $secret := $backend.secrets -}}
{{- $given = append $given ($secret.value | default "") -}}
{{- end -}}
{{- end -}}
{{- derivePassword 1 "maximum" ($given | toJson) "wharf" .Release.Name | sha256sum -}}
{{- end -}}

{{/*
Who logs in for `helm test`: name, the Secret and the key of the password, and what the user may do, as JSON; empty without
one. Rather somebody who may store, fetch and remove a file.
*/}}
{{- define "wharf.testUser" -}}
{{- $test := .Values.test -}}
{{- $given := $test.existingSecret -}}
{{- $known := list -}}
{{- if .Values.existingConfigMap.name -}}
{{- if $test.user -}}
{{- $known = list (dict "name" $test.user "secret" $given.name "key" $given.key "may" dict) -}}
{{- end -}}
{{- else -}}
{{- range .Values.users -}}
{{- $secret := .existingSecret | default dict -}}
{{- $found := dict "name" .name "may" (include "wharf.may" .permissions | fromJson) -}}
{{- if and $test.user (ne $test.user .name) -}}
{{- /* The test has no certificate that anybody knows. */ -}}
{{- else if and .certificate (ne (toString .login) "password") -}}
{{- else if $given.name -}}
{{- $known = append $known (merge $found (dict "secret" $given.name "key" $given.key)) -}}
{{- else if and $secret.name $secret.plain -}}
{{- $known = append $known (merge $found (dict "secret" $secret.name "key" $secret.key)) -}}
{{- else if not (or $secret.name .passwordHash) -}}
{{- $known = append $known (merge $found (dict "secret" (include "wharf.name" $) "key" (include "wharf.passwordKey" .))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $best := first $known | default dict -}}
{{- range reverse $known -}}
{{- if and .may.upload .may.download .may.delete -}}
{{- $best = . -}}
{{- end -}}
{{- end -}}
{{- $best | toJson -}}
{{- end -}}
