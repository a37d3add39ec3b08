#!/bin/sh
# Deletes what the runtime never loads from an environment's site-packages; for package and image.
#
#   packaging/trim.sh SITE-PACKAGES
set -eu
site=$1
[ -d "$site/fer_runtime" ] || { echo "trim.sh: expected site-packages with fer_runtime, received $site" >&2; exit 2; }
find "$site" -type d \( -name __pycache__ -o -name tests \) -prune -exec rm -rf {} +
# numpy: headers, static libraries, compilers of extensions
rm -rf "$site"/numpy/f2py "$site"/numpy/distutils "$site"/numpy/_core/include "$site"/numpy/_pyinstaller
find "$site" \( -name '*.a' -o -name '*.pyi' -o -name '*.pxd' -o -name '*.lib' \) -delete
rm -f "$site"/numpy/_core/_simd.*.so "$site"/numpy/_core/_*_tests.*.so # for numpy's own tests
# OpenCV: the cascades of an older detector
rm -f "$site"/cv2/data/*.xml
# and fonts of the tool bar, which the window does not show; Qt takes the system's
[ ! -d "$site/cv2/qt/fonts" ] || find "$site/cv2/qt/fonts" -type f ! -name DejaVuSans.ttf -delete
# Pillow: AVIF, WebP, colour profiles, and what only those need
rm -f "$site"/PIL/_avif*.so "$site"/pillow.libs/libavif* "$site"/PIL/_webp*.so "$site"/pillow.libs/libwebp* \
  "$site"/pillow.libs/libsharpyuv* "$site"/PIL/_imagingcms*.so "$site"/pillow.libs/liblcms2*
# LiteRT: its newer interface, compilers and drivers of processors that need an ahead-of-time
# compiled model, the WebGPU backend, and the converter; the interpreter loads none of them
rm -rf "$site"/ai_edge_litert/vendors "$site"/ai_edge_litert/tools "$site"/ai_edge_litert/libLiteRt.so \
  "$site"/ai_edge_litert/libLiteRtWebGpuAccelerator.so "$site"/ai_edge_litert/_pywrap_litert_converter.so
# and what only those import; pip sees that they are not there
rm -rf "$site"/ai_edge_litert/schema_py_generated.py "$site"/google "$site"/protobuf-*.dist-info \
  "$site"/ml_dtypes "$site"/ml_dtypes-*.dist-info
