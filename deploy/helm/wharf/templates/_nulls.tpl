{{/*
Values that are null, such as `nodeSelector:` with all of its lines commented out, or that an upgrade with `--reuse-values` doesn't
have. Helm takes null out together with the chart's own value, so no template finds anything.

This changes .Values itself, which all templates share, and runs in the first of them: what comes later needs to know of no null.
*/}}
{{- define "wharf.nulls" -}}
{{- $kinds := include "wharf.nullValues" . | fromYaml -}}
{{- range $place := splitList " " $kinds.needed -}}
{{- $value := $.Values -}}
{{- range splitList "." $place -}}
{{- $value = index $value . -}}
{{- end -}}
{{- if kindIs "invalid" $value -}}
{{- fail (printf "%s: this is missing: null takes away the chart's own value, so leave the line out; or, if this is an upgrade with --reuse-values, which has no values that are new, use --reset-then-reuse-values." $place) -}}
{{- end -}}
{{- end -}}
{{- range $kind := list "map" "list" "text" -}}
{{- range $place := splitList " " (index $kinds $kind) -}}
{{- $section := $.Values -}}
{{- $keys := splitList "." $place -}}
{{- range initial $keys -}}
{{- $section = index $section . -}}
{{- end -}}
{{- if kindIs "invalid" (index $section (last $keys)) -}}
{{- $_ := set $section (last $keys) (eq $kind "map" | ternary dict (eq $kind "list" | ternary list "")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* Without a default of the chart, null remains: as if it weren't there. */ -}}
{{- range list .Values.backends .Values.users .Values.config .Values.extraServices .Values.tls.settings -}}
{{- include "wharf.withoutNulls" . -}}
{{- end -}}
{{- end -}}

{{/* Takes keys that are null out of a map, or out of the maps of a list, and of all that are in it. */}}
{{- define "wharf.withoutNulls" -}}
{{- $it := . -}}
{{- range $key, $value := . -}}
{{- if and (kindIs "invalid" $value) (kindIs "map" $it) -}}
{{- $_ := unset $it $key -}}
{{- else if or (kindIs "map" $value) (kindIs "slice" $value) -}}
{{- include "wharf.withoutNulls" $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
