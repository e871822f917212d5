"""Why a row is abnormal, and the nearest normal row."""
