{{/* Names, and what several manifests share. */}}
{{- define "wharf.name" -}}
{{- include "wharf.wholeName" . | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The name before its end is cut off. */}}
{{- define "wharf.wholeName" -}}
{{- $chart := include "wharf.shortName" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart -}}
{{- end -}}
{{- end -}}

{{/* What the labels call it. */}}
{{- define "wharf.shortName" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{- define "wharf.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "wharf.selector" -}}
app.kubernetes.io/name: {{ include "wharf.shortName" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "wharf.labels" -}}
{{ include "wharf.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels, and others of one object, which count more: no label must stand there twice. */}}
{{- define "wharf.labelsAnd" -}}
{{- include "wharf.over" (list (include "wharf.labels" (index . 0) | fromYaml) (index . 1)) | fromJson | toYaml -}}
{{- end -}}

{{/* Dictionaries in one, as JSON; a later one counts more, also with values that are empty, which Helm's own merge passes over. */}}
{{- define "wharf.over" -}}
{{- $all := dict -}}
{{- range . -}}
{{- range $key, $value := . -}}
{{- $_ := set $all $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* One of `extraObjects`: the chart, and an object, or the text of one or several. */}}
{{- define "wharf.extraObject" -}}
{{- $object := index . 1 -}}
{{- tpl (kindIs "string" $object | ternary $object (toYaml $object)) (index . 0) -}}
{{- end -}}

{{/* The pod of `helm test`. Not the labels of the server: no service must lead there. */}}
{{- define "wharf.testSelector" -}}
app.kubernetes.io/name: {{ printf "%s-test" (include "wharf.shortName" .) | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
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

{{/* YAML takes a bare `off` for false, and `on` for true. */}}
{{- define "wharf.tlsMode" -}}
{{- if kindIs "bool" .Values.tls.mode -}}
{{- ternary "on" "off" .Values.tls.mode -}}
{{- else -}}
{{- .Values.tls.mode -}}
{{- end -}}
{{- end -}}

{{/* The further keys of the section `tls`, as JSON. */}}
{{- define "wharf.tlsSettings" -}}
{{- mergeOverwrite dict (deepCopy .Values.tls.settings) (deepCopy (dig "tls" dict (.Values.config | default dict))) | toJson -}}
{{- end -}}

{{- define "wharf.tlsSecret" -}}
{{- if eq (include "wharf.tlsMode" .) "off" -}}
{{- else if .Values.tls.existingSecret -}}
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

{{- define "wharf.httpAddress" -}}
{{- .Values.httpListenAddress | default .Values.listenAddress -}}
{{- end -}}

{{/* The address that probes ask, if it is not that of the pod: the node has several. */}}
{{- define "wharf.probeHost" -}}
{{- $address := include "wharf.httpAddress" . -}}
{{- if and .Values.hostNetwork (not (regexMatch "^(0\\.0\\.0\\.0|\\[[0:]+\\])$" $address)) -}}
{{- trimAll "[]" $address -}}
{{- end -}}
{{- end -}}

{{/* Whether health and metrics are for the node alone. */}}
{{- define "wharf.httpIsLocal" -}}
{{- include "wharf.isLoopback" (include "wharf.httpAddress" .) -}}
{{- end -}}

{{- define "wharf.isLoopback" -}}
{{- if regexMatch "^(127\\..*|\\[[0:]+:0{0,3}1\\]|\\[[0:]+:(?i:ffff):(127\\.|(?i:7f)).*\\])$" . -}}yes{{- end -}}
{{- end -}}

{{/* What permissions come to: each of the words that allow one thing, as JSON. */}}
{{- define "wharf.may" -}}
{{- $may := dict -}}
{{- $words := list "full" -}}
{{- if kindIs "string" . -}}
{{- $words = list . -}}
{{- else if kindIs "slice" . -}}
{{- $words = . -}}
{{- end -}}
{{- $presets := dict
  "full" (list "list" "download" "upload" "overwrite" "rename" "delete" "mkdir")
  "read-only" (list "list" "download")
  "upload-only" (list "list" "upload" "mkdir")
-}}
{{- range $word := $words -}}
{{- range get $presets $word | default (list $word) -}}
{{- $_ := set $may . true -}}
{{- end -}}
{{- end -}}
{{- $may | toJson -}}
{{- end -}}

{{/* Every word that permissions may hold. */}}
{{- define "wharf.permissionWords" -}}
full read-only upload-only list download upload overwrite rename delete mkdir
{{- end -}}

{{/* Whether a path is that of a folder or of something in it: both as they may have been written. */}}
{{- define "wharf.isWithin" -}}
{{- if hasPrefix (printf "%s/" (index . 1 | clean | trimSuffix "/")) (printf "%s/" (index . 0 | clean | trimSuffix "/")) -}}yes{{- end -}}
{{- end -}}
