"""Score without torch: reads what :meth:`anomgan.GANDetector.export` wrote.

Beside NumPy, pandas, SciPy and pyarrow, which read and encode tables, only onnxruntime is needed.
"""

from anomgan.runtime.detector import ExportedDetector, load_exported

__all__ = ["ExportedDetector", "load_exported"]
