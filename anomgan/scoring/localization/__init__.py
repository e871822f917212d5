"""Where a picture is abnormal."""
