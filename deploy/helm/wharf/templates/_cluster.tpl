{{/* Several replicas: see docs/cluster.md. */}}

{{/* Whether there are, or may be, several. */}}
{{- define "wharf.isCluster" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) -}}yes{{- end -}}
{{- end -}}

{{/* How many there may be. */}}
{{- define "wharf.mostReplicas" -}}
{{- .Values.autoscaling.enabled | ternary .Values.autoscaling.maxReplicas .Values.replicas -}}
{{- end -}}

{{/*
What the container does when it begins and ends, as YAML. Until the balancer knows that one of several goes, it still takes
connections. Then it ends its sessions, and passes on what it has begun to.
*/}}
{{- define "wharf.lifecycle" -}}
{{- $lifecycle := deepCopy .Values.lifecycle -}}
{{- if and (include "wharf.isCluster" .) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) (not (hasKey $lifecycle "preStop")) -}}
{{- $_ := set $lifecycle "preStop" (dict "sleep" (dict "seconds" 5)) -}}
{{- end -}}
{{- toYaml $lifecycle -}}
{{- end -}}

{{/* The key of what they know each other by. */}}
{{- define "wharf.clusterKey" -}}cluster.secret{{- end -}}

{{/* What is mounted of a Secret of somebody else's, as JSON: its key and the path, and the same of each other secret that is accepted. */}}
{{- define "wharf.clusterItems" -}}
{{- $path := include "wharf.clusterKey" . -}}
{{- $items := list (dict "key" .Values.cluster.existingSecret.key "path" $path) -}}
{{- range .Values.cluster.existingSecret.moreKeys -}}
{{- $items = append $items (dict "key" . "path" (printf "%s.%s" $path .)) -}}
{{- end -}}
{{- dict "items" $items | toJson -}}
{{- end -}}

{{/* The section `cluster` of the configuration, as JSON. */}}
{{- define "wharf.cluster" -}}
{{- $name := include "wharf.name" . -}}
{{- $cluster := dict
  "replicas" (printf "%s-{i}.%s-pods" $name $name)
  "index" "from-hostname"
  "ports_per_replica" (int .Values.cluster.portsPerReplica)
  "relay" (printf "%s:%d" .Values.listenAddress (int .Values.ports.relay))
  "secret" (dict "file" (printf "%s/%s" (include "wharf.secretsFolder" .) (include "wharf.clusterKey" .)))
  "client_addresses" .Values.cluster.clientAddresses -}}
{{- with int .Values.cluster.sessions -}}
{{- $_ := set $cluster "sessions" . -}}
{{- end -}}
{{- if .Values.cluster.existingSecret.moreKeys -}}
{{- $more := list -}}
{{- range rest (include "wharf.clusterItems" . | fromJson).items -}}
{{- $more = append $more (dict "file" (printf "%s/%s" (include "wharf.secretsFolder" $) .path)) -}}
{{- end -}}
{{- $_ := set $cluster "more_secrets" $more -}}
{{- end -}}
{{- toJson $cluster -}}
{{- end -}}

{{- define "wharf.validate.cluster" -}}
{{- $values := .Values -}}
{{- if lt (int $values.replicas) 0 -}}
{{- fail (printf "replicas: %v is wrong; 0 stops the server." $values.replicas) -}}
{{- end -}}
{{- if not (has $values.cluster.clientAddresses (list "kept" "lost")) -}}
{{- fail (printf "cluster.clientAddresses: there is no %q; it is kept, lost." $values.cluster.clientAddresses) -}}
{{- end -}}
{{- if lt (int $values.cluster.portsPerReplica) 1 -}}
{{- fail "cluster.portsPerReplica: each replica needs at least one port." -}}
{{- end -}}
{{- if lt (int $values.cluster.sessions) 0 -}}
{{- fail "cluster.sessions: this is the most sessions in all replicas together; 0 leaves each its own limit." -}}
{{- end -}}
{{- with $values.cluster.existingSecret -}}
{{- range .moreKeys -}}
{{- if not $values.cluster.existingSecret.name -}}
{{- fail "cluster.existingSecret.moreKeys: these are keys of a Secret of yours, and cluster.existingSecret.name doesn't name it. The chart's own secret stands under `cluster.secret` in the Secret of the release: copy it into one of yours." -}}
{{- end -}}
{{- include "wharf.validate.format" (list "cluster.existingSecret.moreKeys" . "^[-._a-zA-Z0-9]+$" "is a key of a Secret") -}}
{{- if eq (toString .) (toString $values.cluster.existingSecret.key) -}}
{{- fail (printf "cluster.existingSecret.moreKeys: %s is cluster.existingSecret.key already." .) -}}
{{- end -}}
{{- end -}}
{{- if ne (len .moreKeys) (len (uniq .moreKeys)) -}}
{{- fail "cluster.existingSecret.moreKeys: a key is there twice." -}}
{{- end -}}
{{- end -}}
{{- if $values.autoscaling.enabled -}}
{{- if or (lt (int $values.autoscaling.minReplicas) 1) (lt (int $values.autoscaling.maxReplicas) (int $values.autoscaling.minReplicas)) -}}
{{- fail (printf "autoscaling: there can't be from %v to %v replicas." $values.autoscaling.minReplicas $values.autoscaling.maxReplicas) -}}
{{- end -}}
{{- if not $values.autoscaling.metrics -}}
{{- fail "autoscaling.metrics: something has to say how many replicas are needed." -}}
{{- end -}}
{{- end -}}
{{- if include "wharf.isCluster" . -}}
{{- $most := include "wharf.mostReplicas" . | int -}}
{{- $each := int $values.cluster.portsPerReplica -}}
{{- $count := (include "wharf.passive" . | fromJson).count | int -}}
{{- if $values.existingConfigMap.name -}}
{{- /* It says by itself what replicas are, and may have another engine of that. */ -}}
{{- else -}}
{{- if gt (mul $most $each) $count -}}
{{- fail (printf "passive.ports: %d replicas with %d ports each (cluster.portsPerReplica) need %d ports, and there are %d." $most $each (mul $most $each) $count) -}}
{{- end -}}
{{- $backends := omit $values.backends (include "wharf.leftOut" .) -}}
{{- if not $backends -}}
{{- fail "backends: several replicas need a bucket, or a volume that all of them mount, and there is none: the chart's own `scratch` is in memory, of which each replica would have its own." -}}
{{- end -}}
{{- range $name, $backend := $backends -}}
{{- if eq (toString $backend.kind) "memory" -}}
{{- fail (printf "backends.%s: each replica would have a memory of its own, and clients would see another one each time; several replicas need a bucket, or a volume that all of them mount, for all `users`." $name) -}}
{{- end -}}
{{- end -}}
{{- if eq (dig "server" "engine" "native" ($values.config | default dict)) "libunftp" -}}
{{- fail "config.server.engine: libunftp can't be one of several replicas." -}}
{{- end -}}
{{- end -}}
{{- if $values.hostNetwork -}}
{{- fail "hostNetwork: the pod has the name of its node there, by which a replica can't tell its number; several replicas need networks of their own." -}}
{{- end -}}
{{- if and $values.persistence.enabled (not $values.persistence.existingClaim) -}}
{{- fail "persistence: each replica would have a volume of its own, with other files; persistence.existingClaim names one that all can mount (ReadWriteMany)." -}}
{{- end -}}
{{- end -}}
{{- end -}}
