{{/* Values that there aren't: misspelt, or as other charts call them. The schema leaves them to a sentence of ours, with the nearest name. */}}

{{- define "wharf.validate.known" -}}
{{- include "wharf.nulls" . -}}
{{- include "wharf.validate.within" (list "" "values" .Values (include "wharf.knownValues" . | fromYaml)) -}}
{{- end -}}

{{/*
A value and all below it: what it is called, its section in wharf.knownValues, what stands there, which is never shown, and
wharf.knownValues. A section with the word * has keys of any name.
*/}}
{{- define "wharf.validate.within" -}}
{{- $where := index . 0 -}}
{{- $section := index . 1 -}}
{{- $given := index . 2 -}}
{{- $sections := index . 3 -}}
{{- if and (kindIs "map" $given) (hasKey $sections $section) -}}
{{- $words := splitList " " (index $sections $section) -}}
{{- range $key, $below := $given -}}
{{- $name := empty $where | ternary $key (printf "%s.%s" $where $key) -}}
{{- $isKnown := has $key $words -}}
{{- if not (or $isKnown (has "*" $words)) -}}
{{- fail (include "wharf.unknownValue" (list $where $section $key $words $sections)) -}}
{{- end -}}
{{- if or (kindIs "map" $below) (kindIs "slice" $below) -}}
{{- $part := $isKnown | ternary $key "*" -}}
{{- include "wharf.validate.within" (list $name (eq $section "values" | ternary $part (printf "%s.%s" $section $part)) $below $sections) -}}
{{- end -}}
{{- end -}}
{{- else if and (kindIs "slice" $given) (hasKey $sections (printf "%s[]" $section)) -}}
{{- range $number, $item := $given -}}
{{- include "wharf.validate.within" (list (printf "%s[%d]" $where $number) (printf "%s[]" $section) $item $sections) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The sentence about a key: the name of its place, its section, the key, and those that there are, in the section and in all. */}}
{{- define "wharf.unknownValue" -}}
{{- $where := index . 0 -}}
{{- $section := index . 1 -}}
{{- $key := index . 2 -}}
{{- $words := index . 3 -}}
{{- $sections := index . 4 -}}
{{- $prefix := empty $where | ternary "" (printf "%s." $where) -}}
{{- $meant := "" -}}
{{- $whole := eq $section "values" | ternary $key (printf "%s.%s" $section $key) -}}
{{- with index (include "wharf.otherNames" . | fromYaml) $whole -}}
{{- $meant = . -}}
{{- end -}}
{{- if not $meant -}}
{{- with include "wharf.closest" (list $key $words) -}}
{{- $meant = printf "%s%s" $prefix . -}}
{{- end -}}
{{- end -}}
{{- if not $meant -}}
{{- /* A name that only one other section has. */ -}}
{{- $places := list -}}
{{- range $other, $others := $sections -}}
{{- if and (has $key (splitList " " $others)) (not (regexMatch "[*\\[]" $other)) -}}
{{- $places = append $places (eq $other "values" | ternary $key (printf "%s.%s" $other $key)) -}}
{{- end -}}
{{- end -}}
{{- if eq (len $places) 1 -}}
{{- $meant = first $places -}}
{{- end -}}
{{- end -}}
{{- $there := printf "There are %s." (join ", " $words) -}}
{{- if eq $section "values" -}}
{{- $there = "The README of the chart lists all values." -}}
{{- end -}}
{{- printf "%s%s: there is no such value%s %s" $prefix $key (empty $meant | ternary "." (printf "; did you mean %s?" $meant)) $there -}}
{{- end -}}

{{/* What other charts call values of this one, as YAML. */}}
{{- define "wharf.otherNames" -}}
replicaCount: replicas
imagePullPolicy: image.pullPolicy
image.registry: image.repository
image.name: image.repository
extraInitContainers: initContainers
sidecars: extraContainers
containers: extraContainers
containerSecurityContext: securityContext
extraDeploy: extraObjects
extraManifests: extraObjects
extraResources: extraObjects
volumes: extraVolumes
volumeMounts: extraVolumeMounts
extraEnvVars: env
environment: env
extraEnvFrom: envFrom
ingress: gateway, as FTP is no HTTP, or service.type LoadBalancer
services: extraServices
service.ports: service.port
service.nodePorts: service.nodePort
service.loadBalancerIPs: service.loadBalancerIP
terminationGracePeriodSeconds: shutdownGraceSeconds
strategy: updateStrategy
labels: commonLabels
annotations: podAnnotations
metrics: serviceMonitor
prometheus: serviceMonitor
hpa: autoscaling
pdb: podDisruptionBudget
volumeClaimTemplates: persistence
persistence.storageClassName: persistence.storageClass
persistence.path: persistence.mountPath
tls.secretName: tls.existingSecret
tls.enabled: tls.mode
certificate: tls
host: passive.address, the name or address that clients connect to
hostname: passive.address, the name or address that clients connect to
image.pullSecrets: imagePullSecrets
podDisruptionBudget.minAvailable: podDisruptionBudget.maxUnavailable, the other way round
networkPolicy.ingress: networkPolicy.clients and networkPolicy.monitoring, or networkPolicy.extraIngress
serviceMonitor.honorLabels: serviceMonitor.relabelings
podMonitor.honorLabels: podMonitor.relabelings
users[].home: path, the folder in the backend
users[].homeDirectory: path, the folder in the backend
users[].directory: path, the folder in the backend
autoscaling.targetCPUUtilizationPercentage: autoscaling.metrics
autoscaling.targetMemoryUtilizationPercentage: autoscaling.metrics
{{- end -}}

{{/* The word that a key is nearest to, if any is near: two letters in a name of eight. Big letters, - and _ make no difference. */}}
{{- define "wharf.closest" -}}
{{- $key := index . 0 | lower | replace "-" "" | replace "_" "" -}}
{{- $near := add1 (div (len $key) 4) -}}
{{- $found := "" -}}
{{- range index . 1 -}}
{{- $word := . | lower -}}
{{- $distance := include "wharf.distance" (list $key $word) | int -}}
{{- if and (ge (len $key) 5) (or (contains $key $word) (contains $word $key)) (gt $distance 1) (ne $word "*") -}}
{{- $distance = 2 -}}
{{- end -}}
{{- if and (le $distance (int $near)) (or (not $found) (lt $distance (int (index $found 1)))) -}}
{{- $found = list . $distance -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- first $found -}}
{{- end -}}
{{- end -}}

{{/*
How many letters have to be put in, left out, exchanged or swapped with their neighbour until one word is the other. A row
for each letter of the first word has the distance to each beginning of the second; it needs the two rows above it.
*/}}
{{- define "wharf.distance" -}}
{{- $a := splitList "" (index . 0) -}}
{{- $b := splitList "" (index . 1) -}}
{{- $above := until (int (add1 (len $b))) -}}
{{- $twoAbove := list -}}
{{- range $i, $x := $a -}}
{{- $row := list (add1 $i) -}}
{{- range $j, $y := $b -}}
{{- $least := min (add1 (index $above (int (add1 $j)))) (add1 (index $row $j)) (add (index $above $j) (eq $x $y | ternary 0 1)) -}}
{{- if and (gt $i 0) (gt $j 0) (eq $x (index $b (int (sub $j 1)))) (eq (index $a (int (sub $i 1))) $y) -}}
{{- $least = min $least (add1 (index $twoAbove (int (sub $j 1)))) -}}
{{- end -}}
{{- $row = append $row $least -}}
{{- end -}}
{{- $twoAbove = $above -}}
{{- $above = $row -}}
{{- end -}}
{{- last $above -}}
{{- end -}}
