"""The explorer's entry point: ``handrail dashboard`` serves this file with Streamlit. Pages live in views/."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from handrail.dashboard.views import reliability, run, runs, session, waiting


def main() -> None:
    """Set up the frame of every page and run the one that the URL names."""
    mark = str(Path(__file__).with_name("logo.svg"))
    st.set_page_config(page_title="Handrail", page_icon=mark, layout="wide", initial_sidebar_state="collapsed")
    st.logo(str(Path(__file__).with_name("wordmark.svg")), size="large")
    list_page = st.Page(runs.page, title="Runs", icon=":material/list:", url_path="runs", default=True)
    run_page = st.Page(run.page, title="Run", icon=":material/account_tree:", url_path="run")
    rates = st.Page(reliability.page, title="Reliability", icon=":material/monitoring:", url_path="reliability")
    sessions = st.Page(session.page, title="Sessions", icon=":material/forum:", url_path="sessions")
    questions = st.Page(waiting.page, title="Waiting", icon=":material/help:", url_path="waiting")
    pages = {"runs": list_page, "run": run_page, "sessions": sessions, "waiting": questions, "reliability": rates}
    st.session_state["pages"] = pages
    st.navigation(list(pages.values()), position="top").run()


main()
