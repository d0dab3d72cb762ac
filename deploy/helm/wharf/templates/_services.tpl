{{/* The front doors: services that lead clients to control and passive ports, and routes of a Gateway to the first of them. */}}

{{/*
Every service for clients, as JSON: `place` is what its values are called, `name` the name of the object. `service` comes first.
What a further one doesn't say of ports, addresses and how clients are led is as in `service`; it has nothing else of it.
*/}}
{{- define "wharf.services" -}}
{{- $name := include "wharf.name" . -}}
{{- $services := list -}}
{{- if not .Values.hostNetwork -}}
{{- $services = list (include "wharf.over" (list .Values.service (dict "place" "service" "name" $name)) | fromJson) -}}
{{- $shared := pick .Values.service "port" "implicitTlsPort" "externalTrafficPolicy" "sessionAffinity" "ipFamilyPolicy" -}}
{{- range $suffix, $service := .Values.extraServices -}}
{{- if not (kindIs "invalid" $service) -}}
{{- $own := dict "place" (printf "extraServices.%s" $suffix) "name" (printf "%s-%s" $name $suffix) -}}
{{- $unless := dict "type" "ClusterIP" "allocateLoadBalancerNodePorts" true -}}
{{- $services = append $services (include "wharf.over" (list $unless $shared $service $own) | fromJson) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $services | toJson -}}
{{- end -}}

{{/* The ports of such a service, as JSON: `name`, `port`, `target`, and `nodePort` if it is fixed. */}}
{{- define "wharf.servicePorts" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 -}}
{{- $passive := include "wharf.passive" $root | fromJson -}}
{{- $ports := list (dict "name" "ftp" "port" (int $service.port) "target" "ftp" "nodePort" (int $service.nodePort)) -}}
{{- if gt (int $root.Values.ports.implicitTls) 0 -}}
{{- $ports = append $ports (dict "name" "ftps" "port" (int $service.implicitTlsPort) "target" "ftps" "nodePort" (int $service.implicitTlsNodePort)) -}}
{{- end -}}
{{- range $port := untilStep (int $passive.low) (int (add1 $passive.high)) 1 -}}
{{- $ports = append $ports (dict "name" (printf "passive-%d" $port) "port" $port "target" $port "nodePort" (eq $service.type "NodePort" | ternary $port 0)) -}}
{{- end -}}
{{- $ports | toJson -}}
{{- end -}}

{{- define "wharf.service" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 }}
# A front door: control connections and every passive port. Several pods pass data connections on to each other.
apiVersion: v1
kind: Service
metadata:
  name: {{ $service.name | quote }}
  namespace: {{ include "wharf.namespace" $root | quote }}
  labels:
    {{- include "wharf.labelsAnd" (list $root ($service.labels | default dict)) | nindent 4 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type | quote }}
  {{- with $service.clusterIP }}
  clusterIP: {{ . | quote }}
  {{- end }}
  {{- if ne $service.type "ClusterIP" }}
  externalTrafficPolicy: {{ $service.externalTrafficPolicy | quote }}
  {{- end }}
  {{- if eq $service.type "LoadBalancer" }}
  {{- with $service.loadBalancerIP }}
  loadBalancerIP: {{ . | quote }}
  {{- end }}
  {{- with $service.loadBalancerClass }}
  loadBalancerClass: {{ . | quote }}
  {{- end }}
  {{- if not $service.allocateLoadBalancerNodePorts }}
  allocateLoadBalancerNodePorts: false
  {{- end }}
  {{- with $service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . | quote }}
  {{- end }}
  {{- with $service.externalIPs }}
  externalIPs:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  sessionAffinity: {{ $service.sessionAffinity | quote }}
  selector:
    {{- include "wharf.selector" $root | nindent 4 }}
  ports:
    # A mesh that looks at the first bytes to find the protocol (without appProtocol) waits for ever: here the server speaks first.
    {{- range include "wharf.servicePorts" (list $root $service) | fromJsonArray }}
    - name: {{ .name }}
      port: {{ int .port }}
      targetPort: {{ kindIs "string" .target | ternary .target (int .target) }}
      appProtocol: tcp
      {{- if gt (int .nodePort) 0 }}
      nodePort: {{ int .nodePort }}
      {{- end }}
    {{- end }}
{{- end -}}
