{{/* Names. */}}
{{- define "wharf.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "wharf.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wharf.labels" -}}
{{ include "wharf.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "wharf.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "wharf.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "wharf.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "wharf.tlsSecret" -}}
{{- if .Values.tls.existingSecret -}}
{{- .Values.tls.existingSecret -}}
{{- else if .Values.tls.certManager.enabled -}}
{{- printf "%s-tls" (include "wharf.name" .) -}}
{{- end -}}
{{- end -}}

{{/* The passive range: `low`, `high` and `count`, as JSON. */}}
{{- define "wharf.passive" -}}
{{- $parts := splitList "-" (toString .Values.passive.ports) -}}
{{- $low := first $parts | int -}}
{{- $high := last $parts | int -}}
{{- dict "low" $low "high" $high "count" (add1 (sub $high $low)) | toJson -}}
{{- end -}}

{{/* The name of a user or backend as a part of a key of a Secret. */}}
{{- define "wharf.key" -}}
{{- if regexMatch "^[-._a-zA-Z0-9]+$" . -}}
{{- . -}}
{{- else -}}
{{- printf "sha256-%s" (sha256sum . | trunc 32) -}}
{{- end -}}
{{- end -}}

{{/* What the values can't say and their schema can't tell: one sentence each. */}}
{{- define "wharf.validate" -}}
{{- $passive := include "wharf.passive" . | fromJson -}}
{{- $low := int $passive.low -}}
{{- $high := int $passive.high -}}
{{- if gt $low $high -}}
{{- fail (printf "passive.ports: the range %v ends before it begins." .Values.passive.ports) -}}
{{- end -}}
{{- if or (lt $low 1024) (gt $high 65535) -}}
{{- fail (printf "passive.ports: %v: ports lie between 1024 and 65535." .Values.passive.ports) -}}
{{- end -}}
{{- if and (not .Values.hostNetwork) (gt (int $passive.count) 500) -}}
{{- fail (printf "passive.ports: a service can't have %v ports; 500 are possible, or any number with hostNetwork." $passive.count) -}}
{{- end -}}
{{- range $name, $port := .Values.ports -}}
{{- if and (ge (int $port) $low) (le (int $port) $high) -}}
{{- fail (printf "ports.%s: %v is among the ports for data connections (passive.ports: %v)." $name $port $.Values.passive.ports) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.service.type "NodePort") (not .Values.hostNetwork) (or (lt $low 30000) (gt $high 32767)) -}}
{{- fail (printf "passive.ports: with service.type NodePort, clients connect to the ports of nodes, which lie between 30000 and 32767, not in %v." .Values.passive.ports) -}}
{{- end -}}
{{- if and .Values.tls.existingSecret .Values.tls.certManager.enabled -}}
{{- fail "tls: either existingSecret or certManager, not both." -}}
{{- end -}}
{{- if and (ne .Values.tls.mode "off") (not (include "wharf.tlsSecret" .)) -}}
{{- fail (printf "tls.mode is %s, so a certificate is needed: tls.existingSecret or tls.certManager.enabled." .Values.tls.mode) -}}
{{- end -}}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.issuerRef.name) -}}
{{- fail "tls.certManager.issuerRef.name is missing: who signs the certificate?" -}}
{{- end -}}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.dnsNames) (not .Values.passive.address) -}}
{{- fail "tls.certManager.dnsNames is empty, and there is no passive.address to take instead." -}}
{{- end -}}
{{- if and (gt (int .Values.ports.implicitTls) 0) (eq .Values.tls.mode "off") -}}
{{- fail "ports.implicitTls needs a certificate, and tls.mode is off." -}}
{{- end -}}
{{- range tuple "backends" "users" -}}
{{- if hasKey $.Values.config . -}}
{{- fail (printf "config.%s: that is the value `%s`, so that secrets go where secrets belong." . .) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.existingConfigMap.name -}}
{{- range $name, $backend := .Values.backends -}}
{{- range tuple "access_key_id" "secret_access_key" "session_token" "service_account_key" "access_key" -}}
{{- if kindIs "string" (index $backend .) -}}
{{- fail (printf "backends.%s.%s: a secret stands under backends.%s.secrets, so that it doesn't end in a ConfigMap." $name . $name) -}}
{{- end -}}
{{- end -}}
{{- range $key, $secret := $backend.secrets -}}
{{- if not (or $secret.value (and $secret.existingSecret $secret.key)) -}}
{{- fail (printf "backends.%s.secrets.%s: either `value`, or `existingSecret` with `key`." $name $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $user := .Values.users -}}
{{- if hasKey $seen $user.name -}}
{{- fail (printf "users: there are two of the name %s." $user.name) -}}
{{- end -}}
{{- $_ := set $seen $user.name true -}}
{{- if not (hasKey $.Values.backends $user.backend) -}}
{{- fail (printf "users: %s has the backend %s, and there is none of that name in `backends`." $user.name $user.backend) -}}
{{- end -}}
{{- if gt (len (compact (list $user.password $user.passwordHash ($user.existingSecret | default dict).name))) 1 -}}
{{- fail (printf "users: %s has more than one of password, passwordHash and existingSecret." $user.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where a secret is mounted. */}}
{{- define "wharf.secretsFolder" -}}/run/wharf/secrets{{- end -}}

{{/* The configuration, as YAML. */}}
{{- define "wharf.config" -}}
{{- $folder := include "wharf.secretsFolder" . -}}
{{- $server := dict
  "engine" "native"
  "listen" (list (printf "%s:%d" .Values.listenAddress (int .Values.ports.control)))
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
{{- range $name, $values := .Values.backends -}}
{{- $backend := omit $values "secrets" -}}
{{- range $key, $_ := $values.secrets -}}
{{- $_ := set $backend $key (dict "file" (printf "%s/%s.%s" $folder (include "wharf.key" $name) $key)) -}}
{{- end -}}
{{- $_ := set $backends $name $backend -}}
{{- end -}}
{{- $users := list -}}
{{- range .Values.users -}}
{{- $user := omit . "password" "passwordHash" "existingSecret" -}}
{{- $_ := set $user "password" (dict "file" (printf "%s/user.%s" $folder (include "wharf.key" .name))) -}}
{{- $plain := and (not .passwordHash) (or (not .existingSecret) .existingSecret.plain) -}}
{{- if $plain -}}
{{- $_ := set $user "plain" true -}}
{{- end -}}
{{- $users = append $users $user -}}
{{- end -}}
{{- $config := dict
  "server" $server
  "backends" $backends
  "http" (dict "listen" (list (printf "%s:%d" .Values.listenAddress (int .Values.ports.http))))
  "log" (dict "filter" "info" "format" "json")
-}}
{{- with $users -}}
{{- $_ := set $config "users" . -}}
{{- end -}}
{{- if ne .Values.tls.mode "off" -}}
{{- $tls := dict "mode" .Values.tls.mode "certificate" "/etc/wharf/tls/tls.crt" "key" "/etc/wharf/tls/tls.key" -}}
{{- $_ := set $config "tls" (mergeOverwrite $tls (deepCopy .Values.tls.settings)) -}}
{{- end -}}
{{- mergeOverwrite $config (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{/* What this release's own Secret holds: keys to values in base64, as JSON. A password that was generated is kept. */}}
{{- define "wharf.secretData" -}}
{{- $data := dict -}}
{{- if not .Values.existingConfigMap.name -}}
{{- $before := (lookup "v1" "Secret" .Release.Namespace (include "wharf.name" .) | default dict).data | default dict -}}
{{- range $name, $backend := .Values.backends -}}
{{- range $key, $secret := $backend.secrets -}}
{{- if $secret.value -}}
{{- $_ := set $data (printf "%s.%s" (include "wharf.key" $name) $key) ($secret.value | b64enc) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.users -}}
{{- $key := printf "user.%s" (include "wharf.key" .name) -}}
{{- if .passwordHash -}}
{{- $_ := set $data $key (.passwordHash | b64enc) -}}
{{- else if .password -}}
{{- $_ := set $data $key (.password | b64enc) -}}
{{- else if not .existingSecret -}}
{{- $_ := set $data $key (index $before $key | default (randAlphaNum 24 | b64enc)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $data | toJson -}}
{{- end -}}

{{/*
A stamp of the secrets that the values hold, so that the pod begins anew when they change. Whoever may see pods must not be
able to guess passwords by it, so it is derived by scrypt. What was generated stays as it is and does not count.
*/}}
{{- define "wharf.secretStamp" -}}
{{- $given := list -}}
{{- range $name, $backend := .Values.backends -}}
{{- range $key, $secret := $backend.secrets -}}
{{- $given = append $given ($secret.value | default "") -}}
{{- end -}}
{{- end -}}
{{- range .Values.users -}}
{{- $given = append $given (list (.password | default "") (.passwordHash | default "")) -}}
{{- end -}}
{{- derivePassword 1 "maximum" ($given | toJson) "wharf" .Release.Name | sha256sum -}}
{{- end -}}

{{/* Whose password `helm test` knows: name, Secret and key, as JSON; empty without one. */}}
{{- define "wharf.testUser" -}}
{{- $found := dict -}}
{{- if not .Values.existingConfigMap.name -}}
{{- range .Values.users -}}
{{- if and (not $found.name) (or (not $.Values.test.user) (eq $.Values.test.user .name)) -}}
{{- if .existingSecret -}}
{{- if .existingSecret.plain -}}
{{- $_ := set $found "name" .name -}}
{{- $_ := set $found "secret" .existingSecret.name -}}
{{- $_ := set $found "key" .existingSecret.key -}}
{{- end -}}
{{- else if not .passwordHash -}}
{{- $_ := set $found "name" .name -}}
{{- $_ := set $found "secret" (include "wharf.name" $) -}}
{{- $_ := set $found "key" (printf "user.%s" (include "wharf.key" .name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}
