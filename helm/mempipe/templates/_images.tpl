{{/* One image as Kubernetes names it, from (dict "root" $ "image" .Values.images.…). */}}
{{- define "mempipe.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ coalesce .image.tag .root.Values.images.tag .root.Chart.AppVersion }}
{{- end -}}
{{- end }}
