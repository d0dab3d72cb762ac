{{/*
What would become a pod that can't start or can't store, or a manifest that Kubernetes refuses: one sentence each, before
anything is made of the values. The schema of the values says no more than what is a text, a number, a list.
*/}}
{{- define "wharf.validate" -}}
{{- include "wharf.validate.known" . -}}
{{- include "wharf.validate.words" . -}}
{{- include "wharf.validate.formats" . -}}
{{- include "wharf.validate.ports" . -}}
{{- include "wharf.validate.services" . -}}
{{- include "wharf.validate.tls" . -}}
{{- if .Values.existingConfigMap.name -}}
{{- if .Values.config -}}
{{- fail "config: the ConfigMap of existingConfigMap has the whole configuration, and nothing is merged into it." -}}
{{- end -}}
{{- range $name, $_ := omit .Values.backends "scratch" -}}
{{- fail (printf "backends.%s: the ConfigMap of existingConfigMap has the whole configuration, and nothing is merged into it." $name) -}}
{{- end -}}
{{- range .Values.users -}}
{{- if not (and (kindIs "map" .) (eq (toString .name) "demo")) -}}
{{- fail (printf "users: the ConfigMap of existingConfigMap has the whole configuration, so %s could not log in; users that change apart from it come by usersFrom." (kindIs "map" . | ternary (get . "name" | toString) (toString .))) -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- include "wharf.validate.config" . -}}
{{- include "wharf.validate.backends" . -}}
{{- include "wharf.validate.users" . -}}
{{- include "wharf.validate.roots" . -}}
{{- include "wharf.validate.spool" . -}}
{{- end -}}
{{- include "wharf.validate.cluster" . -}}
{{- include "wharf.validate.volumes" . -}}
{{- include "wharf.validate.pod" . -}}
{{- include "wharf.validate.others" . -}}
{{- include "wharf.validate.test" . -}}
{{- end -}}

{{- define "wharf.validate.words" -}}
{{- range list
  (list "image.pullPolicy" .Values.image.pullPolicy (list "IfNotPresent" "Always" "Never"))
  (list "usersFrom.sidecar.resource" .Values.usersFrom.sidecar.resource (list "secret" "configmap" "both"))
  (list "tls.mode" (include "wharf.tlsMode" .) (list "off" "optional" "required" "required-control" "required-data"))
  (list "dnsPolicy" .Values.dnsPolicy (list "" "Default" "ClusterFirst" "ClusterFirstWithHostNet" "None"))
  (list "updateStrategy.type" (.Values.updateStrategy.type | default "") (list "" "RollingUpdate" "OnDelete"))
  (list "gateway.attachBy" .Values.gateway.attachBy (list "port" "sectionName"))
-}}
{{- include "wharf.validate.word" . -}}
{{- end -}}
{{- end -}}

{{/* What a value is called, what it is, and what it may be. */}}
{{- define "wharf.validate.word" -}}
{{- if not (has (index . 1) (index . 2)) -}}
{{- fail (printf "%s: there is no %q; it is %s." (index . 0) (index . 1) (index . 2 | compact | join ", ")) -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.formats" -}}
{{- $name := include "wharf.name" . -}}
{{- $whole := include "wharf.wholeName" . -}}
{{- if gt (len $whole) 40 -}}
{{- if .Values.fullnameOverride -}}
{{- fail (printf "fullnameOverride: %s has %d characters, and 40 are possible: names of pods and services become longer than that. A release that is there already has been called %s: to keep its files and passwords, set that." $whole (len $whole) $name) -}}
{{- end -}}
{{- /* By an alias, a chart has this one several times, whose names would be the same. Releases that are cut are as they always were. */ -}}
{{- if not (or .Chart.IsRoot (eq .Chart.Name "wharf")) -}}
{{- fail (printf "fullnameOverride: it has to be set, to at most 40 characters: %s, the name of the release with that of this chart, has %d, and without its end it could be that of another part. A release that is there already has been called %s: to keep its files and passwords, set that." $whole (len $whole) $name) -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%s: services can't be named %s: their names have lower-case letters, digits and hyphens, and begin with a letter." (empty .Values.nameOverride | ternary "fullnameOverride" "fullnameOverride, nameOverride") $name) -}}
{{- end -}}
{{- $network := "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F]*:[0-9a-fA-F:.]*/[0-9]{1,3}$" -}}
{{- $address := "^([0-9]{1,3}\\.){3}[0-9]{1,3}$|^\\[[0-9a-fA-F]*:[0-9a-fA-F:.]*\\]$" -}}
{{- /* As Prometheus writes it. */ -}}
{{- $duration := "^[0-9]+(h([0-9]+m)?([0-9]+s)?([0-9]+ms)?|m([0-9]+s)?([0-9]+ms)?|s([0-9]+ms)?|ms)$" -}}
{{- $size := "^[0-9]+(\\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$" -}}
{{- $checks := list
  (list "image.repository" .Values.image.repository "^\\S+$" "is the name of an image")
  (list "image.digest" .Values.image.digest "^(sha256:[0-9a-f]{64})?$" "is sha256: and 64 digits")
  (list "existingConfigMap.key" .Values.existingConfigMap.key "^[-._a-zA-Z0-9]+$" "is a key of a ConfigMap")
  (list "passive.ports" .Values.passive.ports "^[0-9]{1,5}(-[0-9]{1,5})?$" "is a range such as 61000-61031, or one port")
  (list "passive.address" .Values.passive.address "^[^\\s:/]*$" "is an IPv4 address or a name")
  (list "listenAddress" .Values.listenAddress $address "is an address, such as 0.0.0.0 or [::]")
  (list "httpListenAddress" (.Values.httpListenAddress | default "0.0.0.0") $address "is an address, such as 127.0.0.1 or [::1]")
  (list "persistence.size" .Values.persistence.size $size "is a size such as 10Gi")
  (list "temporarySize" .Values.temporarySize $size "is a size such as 1Gi")
  (list "serviceMonitor.interval" .Values.serviceMonitor.interval $duration "is a duration such as 30s")
  (list "podMonitor.interval" .Values.podMonitor.interval $duration "is a duration such as 30s")
  (list "serviceMonitor.scrapeTimeout" .Values.serviceMonitor.scrapeTimeout (printf "^$|%s" $duration) "is a duration such as 10s")
  (list "podMonitor.scrapeTimeout" .Values.podMonitor.scrapeTimeout (printf "^$|%s" $duration) "is a duration such as 10s")
  (list "nameOverride" .Values.nameOverride "^([a-zA-Z0-9]([-._a-zA-Z0-9]{0,48}[a-zA-Z0-9])?)?$" "is a label of at most 50 letters, digits and hyphens")
  (list "namespaceOverride" .Values.namespaceOverride "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$" "is the name of a namespace")
  (list "test.image" .Values.test.image "^\\S+$" "is the name of an image")
  (list "usersFrom.sidecar.image" .Values.usersFrom.sidecar.image "^\\S+$" "is the name of an image")
  (list "usersFrom.sidecar.label" .Values.usersFrom.sidecar.label "^([-.a-z0-9]+/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$" "is a label such as wharf/users")
-}}
{{- range .Values.proxyProtocol.trusted -}}
{{- $checks = append $checks (list "proxyProtocol.trusted" . $network "is a network such as 10.0.0.0/8") -}}
{{- end -}}
{{- range $checks -}}
{{- include "wharf.validate.format" . -}}
{{- end -}}
{{- if or (lt (int .Values.shutdownGraceSeconds) 0) (gt (int .Values.shutdownGraceSeconds) 86400) -}}
{{- fail (printf "shutdownGraceSeconds: %v is wrong; it is from 0 to 86400, a day." .Values.shutdownGraceSeconds) -}}
{{- end -}}
{{- if lt (int .Values.podDisruptionBudget.maxUnavailable) 0 -}}
{{- fail "podDisruptionBudget.maxUnavailable: it can't be less than 0." -}}
{{- end -}}
{{- end -}}

{{/* What a value is called, what it is, the pattern that it has to match, and what it then is. */}}
{{- define "wharf.validate.format" -}}
{{- if not (regexMatch (index . 2) (index . 1 | toString)) -}}
{{- fail (printf "%s: %q is wrong; it %s." (index . 0) (index . 1 | toString) (index . 3)) -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.ports" -}}
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
{{- $seen := dict -}}
{{- range $name := list "control" "implicitTls" "http" "relay" -}}
{{- $port := index $.Values.ports $name | int -}}
{{- if not (or (and (eq $name "implicitTls") (eq $port 0)) (and (eq $name "relay") (not (include "wharf.isCluster" $)))) -}}
{{- if or (lt $port 1024) (gt $port 65535) -}}
{{- fail (printf "ports.%s: %d: the pod has no privilege for ports below 1024, also with hostNetwork; a service has any port (service.port)." $name $port) -}}
{{- end -}}
{{- if and (ge $port $low) (le $port $high) -}}
{{- fail (printf "ports.%s: %d is among the ports for data connections (passive.ports: %v)." $name $port $.Values.passive.ports) -}}
{{- end -}}
{{- with get $seen (toString $port) -}}
{{- fail (printf "ports.%s: %d is that of ports.%s already." $name $port .) -}}
{{- end -}}
{{- $_ := set $seen (toString $port) $name -}}
{{- end -}}
{{- end -}}
{{- if .Values.hostNetwork -}}
{{- if .Values.networkPolicy.enabled -}}
{{- fail "networkPolicy.enabled: a policy says nothing of pods in the node's own network (hostNetwork); the node's firewall does." -}}
{{- end -}}
{{- range list "serviceMonitor" "podMonitor" -}}
{{- if and (index $.Values .).enabled (include "wharf.httpIsLocal" $) -}}
{{- fail (printf "%s.enabled: Prometheus can't reach %s (httpListenAddress)." . (include "wharf.httpAddress" $)) -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- if .Values.httpListenAddress -}}
{{- fail "httpListenAddress: that is for hostNetwork; in its own network the pod has one address, at which the probes ask." -}}
{{- end -}}
{{- if include "wharf.isLoopback" .Values.listenAddress -}}
{{- fail (printf "listenAddress: %s can be reached from inside of the pod alone, and neither by clients nor by the probes of the kubelet; it is 0.0.0.0 or [::]." .Values.listenAddress) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.tls" -}}
{{- $mode := include "wharf.tlsMode" . -}}
{{- $manager := .Values.tls.certManager -}}
{{- $settings := include "wharf.tlsSettings" . | fromJson -}}
{{- if and .Values.tls.existingSecret $manager.enabled -}}
{{- fail "tls: either existingSecret or certManager, not both." -}}
{{- end -}}
{{- if and (ne $mode "off") (not (include "wharf.tlsSecret" .)) -}}
{{- if not (and $settings.certificate $settings.key) -}}
{{- fail (printf "tls.mode is %s, so a certificate is needed: tls.existingSecret, tls.certManager.enabled, or tls.settings.certificate and tls.settings.key, the paths of files that extraVolumes bring." $mode) -}}
{{- end -}}
{{- end -}}
{{- include "wharf.validate.keys" (list "tls.settings" "tls" .Values.tls.settings) -}}
{{- range list "certificate" "key" -}}
{{- $path := get $settings . -}}
{{- if and $path (not (regexMatch "^/[^\\n]+$" (toString $path))) -}}
{{- fail (printf "tls.settings.%s: that is the whole path of a file, such as /run/wharf/certificate/tls.%s; what is in the file ends in a ConfigMap here." . (eq . "key" | ternary "key" "crt")) -}}
{{- end -}}
{{- end -}}
{{- range $index, $item := $settings.certificates -}}
{{- range list "certificate" "key" -}}
{{- if not (regexMatch "^/[^\\n]+$" (toString (get $item .))) -}}
{{- fail (printf "tls.settings.certificates[%d].%s: the whole path of a file is needed, such as /run/own/partner.%s; what is in the file ends in a ConfigMap here." $index . (eq . "key" | ternary "key" "crt")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $manager.enabled (not $manager.issuerRef.name) -}}
{{- fail "tls.certManager.issuerRef.name is missing: who signs the certificate?" -}}
{{- end -}}
{{- if and $manager.enabled (not $manager.dnsNames) (not .Values.passive.address) -}}
{{- fail "tls.certManager.dnsNames is empty, and there is no passive.address to take instead." -}}
{{- end -}}
{{- if eq $mode "off" -}}
{{- range $value, $given := dict "tls.existingSecret" .Values.tls.existingSecret "tls.certManager.enabled" $manager.enabled "tls.settings" .Values.tls.settings -}}
{{- if $given -}}
{{- fail (printf "%s: tls.mode is off, so it would be for nothing, and passwords and files would travel in plain text: set tls.mode to required, or leave this out." $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (gt (int .Values.ports.implicitTls) 0) (eq $mode "off") -}}
{{- fail "ports.implicitTls needs a certificate, and tls.mode is off." -}}
{{- end -}}
{{- if or (hasKey .Values.tls.settings "mode") (hasKey (dig "tls" dict (.Values.config | default dict)) "mode") -}}
{{- fail "tls.settings.mode, config.tls.mode: that is the value `tls.mode`, of which the pod is made, too." -}}
{{- end -}}
{{- if and (eq $mode "off") (hasKey (.Values.config | default dict) "tls") -}}
{{- fail "config.tls: tls.mode is off, so it would be for nothing." -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.volumes" -}}
{{- if and .Values.usersFrom.sidecar.enabled (eq (include "wharf.serviceAccount" .) "default") -}}
{{- fail "usersFrom.sidecar: every pod with the account `default` could read the Secrets of the namespace; serviceAccount.create makes one for this pod alone, or serviceAccount.name names one." -}}
{{- end -}}
{{- $mounts := dict "/etc/wharf/config" "the configuration" "/tmp" "temporary files" -}}
{{- if include "wharf.secretSources" . | fromJsonArray -}}
{{- $_ := set $mounts (include "wharf.secretsFolder" .) "secrets" -}}
{{- end -}}
{{- if include "wharf.tlsSecret" . -}}
{{- $_ := set $mounts "/etc/wharf/tls" "the certificate" -}}
{{- end -}}
{{- range include "wharf.usersFolders" . | fromJsonArray -}}
{{- $_ := set $mounts .directory "files of users" -}}
{{- end -}}
{{- if or .Values.persistence.enabled .Values.persistence.existingClaim -}}
{{- $_ := set $mounts (clean .Values.persistence.mountPath) "persistence" -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- $place := .mountPath | default "" | clean -}}
{{- with get $mounts $place -}}
{{- fail (printf "extraVolumeMounts: at %s the chart has %s already." $place .) -}}
{{- end -}}
{{- end -}}
{{- if or .Values.persistence.enabled .Values.persistence.existingClaim -}}
{{- $path := .Values.persistence.mountPath | clean -}}
{{- if not (regexMatch "^/[^:]+$" $path) -}}
{{- fail (printf "persistence.mountPath: %q is no folder that a volume can be mounted at." .Values.persistence.mountPath) -}}
{{- end -}}
{{- /* The image's files, the system's folders and volumes that can't be written: nothing can be mounted in them either. */ -}}
{{- $closed := list "/usr/local/bin/wharf" "/etc/ssl/certs/ca-certificates.crt" "/etc/passwd" "/etc/group" "/etc/nsswitch.conf" "/etc/wharf/config" "/proc" "/sys" "/dev" -}}
{{- if include "wharf.secretSources" . | fromJsonArray -}}
{{- $closed = append $closed (include "wharf.secretsFolder" .) -}}
{{- end -}}
{{- if include "wharf.tlsSecret" . -}}
{{- $closed = append $closed "/etc/wharf/tls" -}}
{{- end -}}
{{- range include "wharf.usersFolders" . | fromJsonArray -}}
{{- $closed = append $closed .directory -}}
{{- end -}}
{{- range append $closed "/tmp" -}}
{{- if include "wharf.isWithin" (list . $path) -}}
{{- fail (printf "persistence.mountPath: at %s it would hide %s, which the pod needs; take one such as /srv/ftp." $path .) -}}
{{- end -}}
{{- end -}}
{{- range $closed -}}
{{- if include "wharf.isWithin" (list $path .) -}}
{{- fail (printf "persistence.mountPath: nothing can be mounted in %s; take one such as /srv/ftp." .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
