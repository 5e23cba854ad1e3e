"""The explorer: a Streamlit app over the index. Nothing is imported here, so that the package loads without it."""
