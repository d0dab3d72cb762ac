{{/* What is wrong with what others add to the pod, to labels and beside the chart: see _validate.tpl. */}}

{{- define "wharf.validate.pod" -}}
{{- $values := .Values -}}
{{- $sidecar := $values.usersFrom.sidecar.enabled -}}
{{- $names := dict "wharf" "the server's container" -}}
{{- if $sidecar -}}
{{- $_ := set $names "users" "that of usersFrom.sidecar" -}}
{{- $_ := set $names "first-users" "that of usersFrom.sidecar" -}}
{{- end -}}
{{- range $value := list "initContainers" "extraContainers" -}}
{{- range $number, $container := index $values $value -}}
{{- if not $container.name -}}
{{- fail (printf "%s[%d]: a container needs a name." $value $number) -}}
{{- end -}}
{{- with get $names $container.name -}}
{{- fail (printf "%s[%d].name: %s is the name of %s already; take another." $value $number $container.name .) -}}
{{- end -}}
{{- $_ := set $names $container.name (printf "one in %s" $value) -}}
{{- end -}}
{{- end -}}
{{- $variables := dict -}}
{{- range $value := list "extraEnv" "env" -}}
{{- range $number, $variable := index $values $value -}}
{{- if not $variable.name -}}
{{- fail (printf "%s[%d]: a variable needs a name: `{ name: TZ, value: UTC }`." $value $number) -}}
{{- end -}}
{{- with get $variables $variable.name -}}
{{- fail (printf "%s: %s stands in %s already." $value $variable.name .) -}}
{{- end -}}
{{- $_ := set $variables $variable.name $value -}}
{{- end -}}
{{- end -}}
{{- if and (eq $values.dnsPolicy "None") (not $values.dnsConfig.nameservers) -}}
{{- fail "dnsPolicy: with None the pod asks the servers of `dnsConfig.nameservers`, and there are none." -}}
{{- end -}}
{{- range $value := list "podSecurityContext" "securityContext" -}}
{{- $context := index $values $value -}}
{{- $whole := include "wharf.over" (list $values.podSecurityContext $values.securityContext) | fromJson -}}
{{- if and (hasKey $context "runAsUser") (eq (toString $context.runAsUser) "0") $whole.runAsNonRoot -}}
{{- fail (printf "%s.runAsUser: 0 is root, and with runAsNonRoot the kubelet starts no such container; the server needs no root." $value) -}}
{{- end -}}
{{- end -}}
{{- $own := list "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- range $label, $_ := $values.podLabels -}}
{{- if has $label $own -}}
{{- fail (printf "podLabels: services find the pod by the label %s; nameOverride and the release's name say what it is." $label) -}}
{{- end -}}
{{- end -}}
{{- range $label, $_ := $values.commonLabels -}}
{{- if has $label (concat $own (list "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "app.kubernetes.io/component" "helm.sh/chart")) -}}
{{- fail (printf "commonLabels: the chart sets the label %s itself; nameOverride and the release's name say what it is." $label) -}}
{{- end -}}
{{- end -}}
{{- include "wharf.validate.volumeNames" . -}}
{{- end -}}

{{/* Kubernetes takes no name twice, and no mount of what isn't there. */}}
{{- define "wharf.validate.volumeNames" -}}
{{- $names := dict "config" "the configuration" "temporary" "temporary files" -}}
{{- if include "wharf.secretSources" . | fromJsonArray -}}
{{- $_ := set $names "secrets" "secrets" -}}
{{- end -}}
{{- if include "wharf.tlsSecret" . -}}
{{- $_ := set $names "tls" "the certificate" -}}
{{- end -}}
{{- if or .Values.persistence.enabled .Values.persistence.existingClaim -}}
{{- $_ := set $names "files" "persistence" -}}
{{- end -}}
{{- range include "wharf.usersVolumes" . | fromYamlArray -}}
{{- $_ := set $names .name "files of users" -}}
{{- end -}}
{{- range $number, $volume := .Values.extraVolumes -}}
{{- if not $volume.name -}}
{{- fail (printf "extraVolumes[%d]: a volume needs a name." $number) -}}
{{- end -}}
{{- with get $names $volume.name -}}
{{- fail (printf "extraVolumes[%d].name: %s is that of the volume of %s already; take another." $number $volume.name .) -}}
{{- end -}}
{{- $_ := set $names $volume.name "extraVolumes" -}}
{{- end -}}
{{- range $number, $mount := .Values.extraVolumeMounts -}}
{{- if not (and $mount.name (hasKey $names $mount.name)) -}}
{{- fail (printf "extraVolumeMounts[%d].name: there is no volume %q; extraVolumes brings one, and the pod has %s." $number ($mount.name | default "") (keys $names | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.others" -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "podMonitor.enabled: serviceMonitor is enabled, too, and both would collect the same metrics; one of them is enough." -}}
{{- end -}}
{{- range $number, $object := .Values.extraObjects -}}
{{- /* Helm itself would say no more than that a variable is undefined. What stands in quotes or in a comment is text. */ -}}
{{- $text := kindIs "string" $object | ternary $object (toYaml $object) -}}
{{- $code := $text -}}
{{- range until 4 -}}
{{- $code = regexReplaceAll "(?s)\\{\\{-?\\s*[^{}`\"]*(`[^`]*`|\"([^\"\\\\]|\\\\.)*\"|/\\*.*?\\*/)" $code "{{ " -}}
{{- end -}}
{{- range regexFindAll "\\{\\{[^{}]*" $code -1 -}}
{{- range regexFindAll "\\$[A-Za-z_]\\w*" . -1 -}}
{{- if not (regexMatch (printf "\\%s\\b\\s*(,\\s*\\$\\w+\\s*)?:?=|,\\s*\\%s\\b\\s*:=" . .) $text) -}}
{{- fail (printf "extraObjects[%d]: the object is filled in as a template of this chart, in which there is no `%s`: what another program fills in is written as {{`{{ $labels.instance }}`}}." $number .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range regexSplit "(?m)^---(\\s|$)" (include "wharf.extraObject" (list $ $object)) -1 -}}
{{- if regexReplaceAll "(?m)^\\s*#.*$" . "" | trim -}}
{{- $made := fromYaml . -}}
{{- if hasKey $made "Error" -}}
{{- fail (printf "extraObjects[%d]: that is no YAML once its template is filled in: %s" $number ($made.Error | replace "\n" " " | printf "%s.")) -}}
{{- end -}}
{{- if not (and $made.apiVersion $made.kind ($made.metadata | default dict).name) -}}
{{- fail (printf "extraObjects[%d]: an object of Kubernetes has apiVersion, kind and metadata.name." $number) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
