{{/* Users of Secrets and ConfigMaps (`usersFrom`). */}}

{{/* Where their files are. */}}
{{- define "wharf.usersFolder" -}}/run/wharf/users{{- end -}}

{{/* The folders with files of users: what the configuration names them by, as JSON. */}}
{{- define "wharf.usersFolders" -}}
{{- $folder := include "wharf.usersFolder" . -}}
{{- $folders := list -}}
{{- if .Values.usersFrom.existingSecret -}}
{{- $folders = append $folders (dict "directory" (printf "%s/secret" $folder)) -}}
{{- end -}}
{{- if .Values.usersFrom.existingConfigMap -}}
{{- $folders = append $folders (dict "directory" (printf "%s/configmap" $folder)) -}}
{{- end -}}
{{- if .Values.usersFrom.sidecar.enabled -}}
{{- $folders = append $folders (dict "directory" (printf "%s/collected" $folder)) -}}
{{- end -}}
{{- $folders | toJson -}}
{{- end -}}

{{/* The volumes of these folders, for the pod. */}}
{{- define "wharf.usersVolumes" -}}
{{- with .Values.usersFrom.existingSecret }}
- name: users-secret
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.usersFrom.existingConfigMap }}
- name: users-configmap
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- if .Values.usersFrom.sidecar.enabled }}
# In memory: no secret is written to the node's disk.
- name: users-collected
  emptyDir:
    medium: Memory
    sizeLimit: 64Mi
# The pod has no token; only the container that collects gets one.
- name: users-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}
{{- end -}}

{{/* Where the server has them. */}}
{{- define "wharf.usersMounts" -}}
{{- $folder := include "wharf.usersFolder" . -}}
{{- if .Values.usersFrom.existingSecret }}
- name: users-secret
  mountPath: {{ printf "%s/secret" $folder }}
  readOnly: true
{{- end }}
{{- if .Values.usersFrom.existingConfigMap }}
- name: users-configmap
  mountPath: {{ printf "%s/configmap" $folder }}
  readOnly: true
{{- end }}
{{- if .Values.usersFrom.sidecar.enabled }}
- name: users-collected
  mountPath: {{ printf "%s/collected" $folder }}
  readOnly: true
{{- end }}
{{- end -}}

{{/* A container that collects: the values, its name, and how it goes on after the first time. */}}
{{- define "wharf.usersCollector" -}}
{{- $root := index . 0 -}}
{{- $sidecar := $root.Values.usersFrom.sidecar -}}
- name: {{ index . 1 }}
  image: {{ $sidecar.image | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy | quote }}
  env:
    - name: METHOD
      value: {{ index . 2 }}
    # Between two looks, in seconds. A watch would miss what is removed while it is begun anew.
    - name: SLEEP_TIME
      value: "10"
    - name: RESOURCE
      value: {{ $sidecar.resource | quote }}
    - name: LABEL
      value: {{ $sidecar.label | quote }}
    {{- with $sidecar.labelValue }}
    - name: LABEL_VALUE
      value: {{ . | quote }}
    {{- end }}
    - name: NAMESPACE
      value: {{ include "wharf.namespace" $root | quote }}
    - name: FOLDER
      value: /collected
    # Two Secrets may have a key of the same name.
    - name: UNIQUE_FILENAMES
      value: "true"
    - name: HEALTH_PORT
      value: "9122"
  resources:
    {{- toYaml $sidecar.resources | nindent 4 }}
  {{- with $root.Values.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: users-collected
      mountPath: /collected
    - name: users-token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
{{- end -}}

{{/* What the container that collects may read. */}}
{{- define "wharf.usersResources" -}}
{{- $resource := .Values.usersFrom.sidecar.resource -}}
{{- ternary (list "secrets" "configmaps") (list (printf "%ss" $resource)) (eq $resource "both") | toJson -}}
{{- end -}}
