// What pages cannot do without a script, and nothing else: every action works as a plain form without it.
(function () {
  'use strict';

  // Asks before a form is sent that says what it would do: <form data-ask="...">.
  document.addEventListener('submit', function (event) {
    var question = event.target.getAttribute('data-ask');
    if (question && !window.confirm(question)) event.preventDefault();
  });

  document.addEventListener('click', function (event) {
    var copy = event.target.closest('[data-copy]');
    if (!copy) return;
    var text = document.getElementById(copy.getAttribute('data-copy')).textContent;
    navigator.clipboard.writeText(text).then(function () {
      copy.textContent = copy.getAttribute('data-copied');
    });
  });

  // Sends a form when something in it is chosen: <form data-at-once>; the button for it is then not needed.
  document.addEventListener('change', function (event) {
    var form = event.target.form;
    if (form && form.hasAttribute('data-at-once')) form.requestSubmit();
  });
  document.querySelectorAll('form[data-at-once] [data-plain]').forEach(function (button) {
    button.hidden = true;
  });

  // Parts of a form that only count for one choice: <div data-for="trigger=cron">.
  function showParts() {
    document.querySelectorAll('[data-for]').forEach(function (part) {
      var wanted = part.getAttribute('data-for').split('=');
      var chosen = document.querySelector('[name="' + wanted[0] + '"]:checked');
      part.hidden = !chosen || wanted[1].split('|').indexOf(chosen.value) < 0;
    });
  }
  document.addEventListener('change', showParts);
  document.addEventListener('DOMContentLoaded', showParts);
  document.addEventListener('htmx:afterSwap', showParts);

  // "/" goes to the search of the page.
  document.addEventListener('keydown', function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    var search = document.querySelector('[data-search]');
    if (event.key === '/' && !typing && search && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
    }
  });

  // A session that ended while the page was open: the page says so by going to the login.
  document.addEventListener('htmx:responseError', function (event) {
    if (event.detail.xhr.status === 401) window.location.reload();
  });
})();
