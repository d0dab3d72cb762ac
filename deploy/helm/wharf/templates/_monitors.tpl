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
{{- /* The alerts ask for job="wharf", and with a nameOverride the label of that name is another. */ -}}
{{- $job := empty $root.Values.nameOverride | ternary list (list (dict "targetLabel" "job" "replacement" $root.Chart.Name)) -}}
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
