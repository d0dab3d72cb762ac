{{/* What ServiceMonitor and PodMonitor share. */}}

{{- define "wharf.monitorMetadata" -}}
{{- $root := index . 0 -}}
{{- $monitor := index . 1 -}}
namespace: {{ $monitor.namespace | default (include "wharf.namespace" $root) | quote }}
labels:
  {{- include "wharf.labelsAnd" (list $root $monitor.labels) | nindent 2 }}
{{- end -}}

{{- define "wharf.monitorEndpoint" -}}
{{- $root := index . 0 -}}
{{- $monitor := index . 1 -}}
{{- /* The alerts ask for job="wharf". With a nameOverride, or as a part that another chart has by an alias, the label of that name is another. */ -}}
{{- $job := eq (include "wharf.shortName" $root) "wharf" | ternary list (list (dict "targetLabel" "job" "replacement" "wharf")) -}}
- port: http
  path: /metrics
  interval: {{ $monitor.interval | quote }}
  {{- with $monitor.scrapeTimeout }}
  scrapeTimeout: {{ . | quote }}
  {{- end }}
  {{- with concat $job $monitor.relabelings }}
  relabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $monitor.metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
